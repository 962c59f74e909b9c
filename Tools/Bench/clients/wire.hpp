// Drives a protocol over plain sockets: few threads with epoll for any number of connections, each with one request in
// flight, so that the client costs little and does not become what is measured.
//
// Without rate=N every connection sends its next request as soon as the last one is acknowledged. With it N requests a
// second fall due, whatever the server does; a request's time then counts from when it was due, so a server that stalls is
// charged for all the requests that had to wait.
//
// A Protocol has:
//   Request encode(const Batch &, size_t number)    the bytes, made before the clock starts; called from several threads
//   void greet(int descriptor, size_t connection)   what a new connection says first; blocking
//   void address(Request &, size_t connection)      the last touch, when it is known which connection sends it
//   size_t answer(std::string_view, Connection &)   takes one answer from the front and counts it in Connection::left;
//                                                   returns its length, 0 when it is not all there yet
#pragma once
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string_view>

#include "load.hpp"

struct Request {
    std::string bytes;
    size_t events;
    size_t answers;  // as many make it acknowledged
    std::vector<size_t> places;  // for `address`
};

inline void send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) die("the server closed the connection");
        bytes.remove_prefix(n);
    }
}

inline int connect_to(int port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, buffer = 1 << 20;
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_port = htons(port), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (connect(descriptor, (sockaddr *)&address, sizeof address)) die("cannot connect to port " + std::to_string(port));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return descriptor;
}

struct Connection {
    int descriptor;
    size_t number;
    Request *request = nullptr;
    size_t sent = 0, left = 0;  // bytes of the request that are out; answers that are still to come
    Clock::time_point since{};
    std::string in{};
    std::string reply{};  // for what the server asks by itself; goes out behind the request

    void flush() {
        if (request && !push(request->bytes, sent)) return;
        size_t place = 0;
        if (!reply.empty()) push(reply, place), reply.erase(0, place);
    }
    // Appends what has arrived.
    void fill() {
        char chunk[1 << 16];
        for (;;) {
            ssize_t n = recv(descriptor, chunk, sizeof chunk, MSG_DONTWAIT);
            if (n > 0) in.append(chunk, n);
            if (n == ssize_t(sizeof chunk)) continue;
            if (n == 0 || (n < 0 && errno != EAGAIN)) die("the server closed the connection");
            return;
        }
    }

private:
    bool push(const std::string &bytes, size_t &place) {
        while (place < bytes.size()) {
            ssize_t n = send(descriptor, bytes.data() + place, bytes.size() - place, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return false;
            if (n <= 0) die("the server closed the connection");
            place += n;
        }
        return true;
    }
};

// One thread's part of the connections.
template <class Protocol> struct Loop {
    static constexpr double answer_seconds_max = 60;

    Protocol &protocol;
    std::vector<Request> &requests;
    std::atomic<size_t> &next;
    std::vector<Connection *> connections{};
    std::deque<Connection *> idle{};
    std::vector<double> times{};
    // With a rate this thread sends requests number `due`, `due + step`, ...
    double rate = 0;
    size_t due = 0, step = 1;
    Clock::time_point start{};

    void run() {
        int poll = epoll_create1(EPOLL_CLOEXEC);
        for (Connection *c : connections) {
            epoll_event interest{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = c}};
            if (epoll_ctl(poll, EPOLL_CTL_ADD, c->descriptor, &interest)) die("epoll_ctl");
            idle.push_back(c);
        }
        prctl(PR_SET_TIMERSLACK, 1);
        while (begin_what_is_due() || idle.size() < connections.size()) {
            epoll_event events[64];
            timespec patience = until_due();
            int n = epoll_pwait2(poll, events, 64, &patience, nullptr);
            if (n < 0 && errno != EINTR) die("epoll_pwait2");
            if (n == 0 && patience.tv_sec >= answer_seconds_max) die("no answer for a minute");
            for (int i = 0; i < n; i++) serve(*static_cast<Connection *>(events[i].data.ptr));
        }
        close(poll);
    }

private:
    // False when there is nothing more to begin, now or later.
    bool begin_what_is_due() {
        for (;;) {
            if (rate ? due >= requests.size() : next >= requests.size()) return false;
            if (idle.empty()) return true;
            auto since = Clock::now();
            size_t number;
            if (rate) {
                if (due_time() > since) return true;
                since = due_time(), number = due, due += step;
            } else if ((number = next.fetch_add(1)) >= requests.size()) {
                return false;
            }
            Connection &c = *idle.front();
            idle.pop_front();
            c.request = &requests[number], c.since = since, c.sent = 0, c.left = c.request->answers;
            protocol.address(*c.request, c.number);
            c.flush();
        }
    }

    Clock::time_point due_time() const {
        return start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due / rate));
    }

    timespec until_due() const {
        double wait = answer_seconds_max;
        if (rate && due < requests.size() && !idle.empty()) wait = std::max(0.0, seconds(due_time() - Clock::now()));
        return {time_t(wait), long((wait - double(time_t(wait))) * 1e9)};
    }

    void serve(Connection &c) {
        c.flush();
        c.fill();
        std::string_view in = c.in;
        while (size_t n = protocol.answer(in, c)) in.remove_prefix(n);
        c.in.erase(0, c.in.size() - in.size());
        if (!c.reply.empty()) c.flush();
        if (!c.request || c.left || c.sent < c.request->bytes.size()) return;
        times.push_back(seconds(Clock::now() - c.since) * 1e3);
        c.request = nullptr;
        idle.push_back(&c);
    }
};

template <class Protocol> int drive_wire(const Options &options, Protocol protocol) {
    std::vector<Request> requests(options.batches());
    std::atomic<size_t> bytes{0}, next{0};
    on_all_cores(requests.size(), [&](size_t i) {
        Batch batch = batch_of(options, i);
        size_t sum = 0;
        for (auto &e : batch) sum += e.size();
        bytes += sum;
        requests[i] = protocol.encode(batch, i);
    });

    const size_t threads = std::min(size_t(options.number("threads", 1)), options.connections);
    std::vector<Loop<Protocol>> loops;
    for (size_t t = 0; t < threads; t++) {
        loops.push_back({protocol, requests, next});
        loops[t].rate = options.number("rate", 0), loops[t].due = t, loops[t].step = threads;
    }
    std::deque<Connection> connections;
    for (size_t c = 0; c < options.connections; c++) {
        connections.push_back({connect_to(options.port()), c});
        protocol.greet(connections[c].descriptor, c);
        loops[c % threads].connections.push_back(&connections[c]);
    }

    wait_for_go();
    const Usage before = Usage::now();
    const auto start = Clock::now();
    std::vector<std::thread> running;
    for (auto &loop : loops) {
        loop.start = start;
        running.emplace_back([&loop] { loop.run(); });
    }
    for (auto &thread : running) thread.join();
    const double took = seconds(Clock::now() - start);
    std::vector<double> all;
    for (auto &loop : loops) all.insert(all.end(), loop.times.begin(), loop.times.end());
    report(options, bytes, took, std::move(all), before);
    return 0;
}
