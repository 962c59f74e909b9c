// SQLite in this process: WAL, synchronous FULL, a batch is a transaction. There is one writer, as SQLite has it; the
// connections stand for requests in flight and take turns, first come, first served.
//
//   sqlite FILE EVENTS BATCH CONNECTIONS FIRST
//
// links: -lsqlite3
#include <sqlite3.h>

#include <memory>

#include "load.hpp"

class Database {
public:
    explicit Database(const std::string &path) {
        if (sqlite3_open(path.c_str(), &database)) fail();
        execute("PRAGMA journal_mode = WAL");
        execute("PRAGMA synchronous = FULL");
        execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, user_id TEXT, payload TEXT)");
        if (sqlite3_prepare_v2(database, "INSERT INTO events (user_id, payload) VALUES (?, ?)", -1, &insert, nullptr)) fail();
    }
    ~Database() {
        sqlite3_finalize(insert);
        sqlite3_close(database);
    }
    Database(const Database &) = delete;

    void store(const Batch &batch) {
        const size_t ticket = tickets.fetch_add(1);
        for (size_t now; (now = serving.load()) != ticket;) serving.wait(now);
        execute("BEGIN");
        for (auto &e : batch) {
            const std::string user = user_of(e);
            sqlite3_bind_text(insert, 1, user.data(), int(user.size()), SQLITE_STATIC);
            sqlite3_bind_text(insert, 2, e.data(), int(e.size()), SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE) fail();
            sqlite3_reset(insert);
        }
        execute("COMMIT");
        serving.fetch_add(1);
        serving.notify_all();
    }

private:
    void execute(const char *sql) {
        if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr)) fail();
    }
    [[noreturn]] void fail() { die(std::string("sqlite: ") + sqlite3_errmsg(database)); }

    sqlite3 *database;
    sqlite3_stmt *insert;
    std::atomic<size_t> tickets{0}, serving{0};
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    auto database = std::make_shared<Database>(options.target);
    return drive(options, [&](size_t) { return database; });
}
