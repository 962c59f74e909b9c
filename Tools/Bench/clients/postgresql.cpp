// PostgreSQL: a batch is one INSERT of as many rows, prepared once, in its own transaction.
//
//   postgresql PORT EVENTS BATCH CONNECTIONS FIRST
//
// links: -I/usr/include/postgresql -lpq
#include <libpq-fe.h>

#include <memory>

#include "load.hpp"

class Session {
public:
    explicit Session(int port) {
        connection = PQconnectdb(("host=127.0.0.1 user=postgres dbname=postgres port=" + std::to_string(port)).c_str());
        if (PQstatus(connection) != CONNECTION_OK) fail();
    }
    ~Session() { PQfinish(connection); }
    Session(const Session &) = delete;

    void execute(const char *sql) { finish(PQexec(connection, sql)); }

    void store(const Batch &batch) {
        if (batch.size() != rows) prepare(batch.size());
        for (size_t i = 0; i < batch.size(); i++) {
            users[i] = user_of(batch[i]);
            values[2 * i] = users[i].c_str(), values[2 * i + 1] = batch[i].c_str();
        }
        finish(PQexecPrepared(connection, statement.c_str(), int(values.size()), values.data(), nullptr, nullptr, 0));
    }

private:
    void prepare(size_t count) {
        std::string sql = "INSERT INTO events (user_id, payload) VALUES ";
        for (size_t i = 0; i < count; i++)
            sql += (i ? ", ($" : "($") + std::to_string(2 * i + 1) + ", $" + std::to_string(2 * i + 2) + ")";
        rows = count, users.resize(count), values.resize(2 * count);
        statement = "rows" + std::to_string(count);
        finish(PQprepare(connection, statement.c_str(), sql.c_str(), 0, nullptr));
    }
    void finish(PGresult *result) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) fail();
        PQclear(result);
    }
    [[noreturn]] void fail() { die(std::string("postgresql: ") + PQerrorMessage(connection)); }

    PGconn *connection;
    std::string statement;
    size_t rows = 0;
    std::vector<std::string> users;
    std::vector<const char *> values;
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    Session(options.port()).execute("SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS events (id bigserial PRIMARY KEY, user_id text, payload jsonb)");
    return drive(options, [&](size_t) { return std::make_unique<Session>(options.port()); });
}
