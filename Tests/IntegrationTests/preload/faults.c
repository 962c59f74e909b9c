/* The machine's failures, for the real binary: loaded with LD_PRELOAD, it stands between the service and the C library.
 *
 * OKLA_FAULTS names a file that the test maps as well, so that it can switch faults on and off and move the clocks while the
 * service runs, and read how many calls there were. Its layout is `struct control`; faults.py has the same one.
 *
 * A call is counted by every rule in use whose two patterns (fnmatch) fit its name and its file: the path that is opened,
 * made or removed, the target of a rename, or what the descriptor stands for. From the rule's `first` matching call on,
 * `count` calls fail, or write less than they were asked to, or wait until the rule is no longer in use. A failed fdatasync can take along what was written since the last
 * good one, as Linux does with pages that it could not write: they count as clean, are dropped, and the next sync succeeds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { rules_max = 8 };
enum mode { mode_fail, mode_one_byte, mode_half, mode_lose, mode_hold };

struct rule {
    char call[16];
    char pattern[224];
    uint64_t first, count;
    int32_t error, mode;
    uint64_t matched, failed;
    uint64_t in_use;
};

struct control {
    int64_t wall_seconds;   /* the wall clock alone is off by so much */
    int64_t passed_seconds; /* so much time has passed that really has not: all clocks */
    struct rule rules[rules_max];
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("OKLA_FAULTS");
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int descriptor = path ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
    struct control *mapped =
        descriptor < 0 ? MAP_FAILED : mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) {
        fprintf(stderr, "faults: OKLA_FAULTS must name the file to be controlled by\n");
        _exit(70);
    }
    close(descriptor);
    __atomic_store_n(&control, mapped, __ATOMIC_RELEASE);
}

/* The next definition of the function: the C library's. */
#define real(name) \
    ({ \
        static __typeof__(&name) found; \
        if (!found) found = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
        found; \
    })

/* Counts the call; the rule that it must fail by, or NULL. */
static struct rule *rule_for_path(const char *call, const char *path) {
    struct rule *hit = NULL;
    if (!control) return NULL;
    for (struct rule *rule = control->rules; rule < control->rules + rules_max; rule++) {
        if (!__atomic_load_n(&rule->in_use, __ATOMIC_ACQUIRE)) continue;
        if (fnmatch(rule->call, call, 0) != 0 || fnmatch(rule->pattern, path, 0) != 0) continue;
        uint64_t number = __atomic_add_fetch(&rule->matched, 1, __ATOMIC_ACQ_REL);
        if (number < rule->first || number - rule->first >= rule->count) continue;
        __atomic_add_fetch(&rule->failed, 1, __ATOMIC_ACQ_REL);
        if (!hit) hit = rule;
    }
    if (!hit || hit->mode != mode_hold) return hit;
    while (__atomic_load_n(&hit->in_use, __ATOMIC_ACQUIRE)) usleep(1000);
    return NULL;
}

static struct rule *rule_for_descriptor(const char *call, int descriptor) {
    if (!control) return NULL;
    int is_wanted = 0;
    for (struct rule *rule = control->rules; rule < control->rules + rules_max; rule++)
        is_wanted |= __atomic_load_n(&rule->in_use, __ATOMIC_ACQUIRE) && fnmatch(rule->call, call, 0) == 0;
    if (!is_wanted) return NULL;
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return NULL;
    path[length] = 0;
    return rule_for_path(call, path);
}

/* Ends the function around it with the rule's error, if there is one to fail by. */
#define fail_by(found) \
    do { \
        struct rule *failing = (found); \
        if (failing) { \
            errno = failing->error; \
            return -1; \
        } \
    } while (0)

/* MARK: Files */

/* The size that each open file had at its last good sync; files that are only ever appended to are meant. */
static off_t synced_sizes[1 << 12];

static off_t *synced_size(int descriptor) { return &synced_sizes[descriptor % (int)(sizeof synced_sizes / sizeof *synced_sizes)]; }

static off_t size_of(int descriptor) {
    struct stat status;
    int before = errno;
    off_t size = fstat(descriptor, &status) == 0 ? status.st_size : 0;
    errno = before;
    return size;
}

#define define_open(name, at_parameter, at_argument) \
    int name(at_parameter const char *path, int flags, ...) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments); \
        fail_by(rule_for_path("open", path)); \
        int descriptor = real(name)(at_argument path, flags, mode); \
        if (descriptor >= 0 && control) *synced_size(descriptor) = size_of(descriptor); \
        return descriptor; \
    }
#define with(...) __VA_ARGS__
define_open(open, with(), with())
define_open(open64, with(), with())
define_open(openat, with(int folder, ), with(folder, ))
define_open(openat64, with(int folder, ), with(folder, ))

/* How many of `count` bytes a write may take: all without a rule, -1 where it fails. */
static ssize_t allowed(struct rule *rule, size_t count) {
    if (!rule) return (ssize_t)count;
    switch (rule->mode) {
    case mode_one_byte: return count < 1 ? (ssize_t)count : 1;
    case mode_half: return count < 2 ? (ssize_t)count : (ssize_t)(count / 2);
    default: errno = rule->error; return -1;
    }
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    ssize_t take = allowed(rule_for_descriptor("write", descriptor), count);
    return take < 0 ? -1 : real(write)(descriptor, bytes, (size_t)take);
}

#define define_pwrite(name, offset_type) \
    ssize_t name(int descriptor, const void *bytes, size_t count, offset_type position) { \
        ssize_t take = allowed(rule_for_descriptor("pwrite", descriptor), count); \
        return take < 0 ? -1 : real(name)(descriptor, bytes, (size_t)take, position); \
    }
define_pwrite(pwrite, off_t)
define_pwrite(pwrite64, off64_t)

#define define_pread(name, offset_type) \
    ssize_t name(int descriptor, void *bytes, size_t count, offset_type position) { \
        fail_by(rule_for_descriptor("pread", descriptor)); \
        return real(name)(descriptor, bytes, count, position); \
    }
define_pread(pread, off_t)
define_pread(pread64, off64_t)

int fdatasync(int descriptor) {
    struct rule *rule = rule_for_descriptor("fdatasync", descriptor);
    if (!rule) {
        int status = real(fdatasync)(descriptor);
        if (status == 0) *synced_size(descriptor) = size_of(descriptor);
        return status;
    }
    if (rule->mode == mode_lose) {
        off_t size = size_of(descriptor);
        /* Zeros where it was. */
        if (real(ftruncate)(descriptor, *synced_size(descriptor)) != 0 || real(ftruncate)(descriptor, size) != 0) abort();
    }
    errno = rule->error;
    return -1;
}

int fsync(int descriptor) {
    fail_by(rule_for_descriptor("fsync", descriptor));
    return real(fsync)(descriptor);
}

int ftruncate(int descriptor, off_t size) {
    fail_by(rule_for_descriptor("ftruncate", descriptor));
    return real(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    fail_by(rule_for_descriptor("ftruncate", descriptor));
    return real(ftruncate64)(descriptor, size);
}

int rename(const char *path, const char *target) {
    fail_by(rule_for_path("rename", target));
    return real(rename)(path, target);
}

int unlink(const char *path) {
    fail_by(rule_for_path("unlink", path));
    return real(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
    fail_by(rule_for_path("mkdir", path));
    return real(mkdir)(path, mode);
}

/* MARK: Time */

static int64_t passed_seconds(void) { return control ? __atomic_load_n(&control->passed_seconds, __ATOMIC_ACQUIRE) : 0; }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int status = real(clock_gettime)(clock, time);
    if (status != 0 || !control) return status;
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        time->tv_sec += __atomic_load_n(&control->wall_seconds, __ATOMIC_ACQUIRE) + passed_seconds();
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME: time->tv_sec += passed_seconds(); break;
    default: break;
    }
    return status;
}

// Redis asks this one.
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int status = real(gettimeofday)(time, zone);
    if (status == 0 && control) time->tv_sec += __atomic_load_n(&control->wall_seconds, __ATOMIC_ACQUIRE) + passed_seconds();
    return status;
}

/* The kernel does not know of the time that has passed. A wait by the monotonic clock (which counts from the machine's start,
 * so its seconds are few) is cut into short ones: at the end of each the caller is woken for no reason, which every caller of
 * this function must bear, and waits again. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    /* The version that this program asks for; an older one has another layout of the condition. */
    if (!wait) wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!wait) wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    const int64_t slice = 20 * 1000 * 1000, second = 1000 * 1000 * 1000;
    if (!control || deadline->tv_sec > 1000 * 1000 * 1000) return wait(condition, mutex, deadline);
    struct timespec now;
    real(clock_gettime)(CLOCK_MONOTONIC, &now);
    int64_t left = (deadline->tv_sec - passed_seconds() - now.tv_sec) * second + deadline->tv_nsec - now.tv_nsec;
    if (left <= 0) return ETIMEDOUT;
    int is_last = left <= slice;
    int64_t end = now.tv_nsec + (is_last ? left : slice);
    struct timespec until = {.tv_sec = now.tv_sec + end / second, .tv_nsec = end % second};
    int status = wait(condition, mutex, &until);
    return status == ETIMEDOUT && !is_last ? 0 : status;
}

/* Nor does it know of it where somebody wants to be woken at a time that such a clock shows. */
enum { timers_max = 4096 };
static clockid_t timer_clocks[timers_max];

int timerfd_create(int clock, int flags) {
    int fd = real(timerfd_create)(clock, flags);
    if (fd >= 0 && fd < timers_max) timer_clocks[fd] = clock;
    return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *wanted, struct itimerspec *before) {
    struct itimerspec given = *wanted;
    if (control && (flags & TFD_TIMER_ABSTIME) && fd >= 0 && fd < timers_max && (given.it_value.tv_sec || given.it_value.tv_nsec)) {
        given.it_value.tv_sec -= passed_seconds();
        if (timer_clocks[fd] == CLOCK_REALTIME) given.it_value.tv_sec -= __atomic_load_n(&control->wall_seconds, __ATOMIC_ACQUIRE);
        /* Zero would stop the timer. */
        if (given.it_value.tv_sec < 0 || (!given.it_value.tv_sec && !given.it_value.tv_nsec)) given.it_value = (struct timespec){.tv_nsec = 1};
    }
    return real(timerfd_settime)(fd, flags, &given, before);
}
