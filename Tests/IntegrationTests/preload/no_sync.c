/* Preloaded into the service, this takes syncs out of it and leaves the rest as it is: what the service acknowledges then is not
   on disk, and a test that looks for lost events must find them. NO_SYNC_OF=SUFFIX takes out only those of files named so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is_taken_out(int descriptor) {
    const char *suffix = getenv("NO_SYNC_OF");
    char link[64], path[4096];
    if (suffix == NULL) return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(suffix)) return 0;
    path[length] = 0;
    return strcmp(path + length - strlen(suffix), suffix) == 0;
}

int fsync(int descriptor) { return is_taken_out(descriptor) ? 0 : (int)syscall(SYS_fsync, descriptor); }

int fdatasync(int descriptor) { return is_taken_out(descriptor) ? 0 : (int)syscall(SYS_fdatasync, descriptor); }

int sync_file_range(int descriptor, off_t from, off_t count, unsigned int flags) {
    return is_taken_out(descriptor) ? 0 : (int)syscall(SYS_sync_file_range, descriptor, from, count, flags);
}

/* A mapping has no name here: never. */
int msync(void *address, size_t count, int flags) {
    (void)address, (void)count, (void)flags;
    return 0;
}
