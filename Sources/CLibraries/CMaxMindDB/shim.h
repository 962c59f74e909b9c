#include <maxminddb.h>

// Where a database is copied to. glibc declares it with _GNU_SOURCE only, which Swift's module of glibc is built without.
int memfd_create(const char *name, unsigned int flags);
