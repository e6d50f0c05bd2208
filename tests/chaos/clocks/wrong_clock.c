/* A machine's clock that is set while a process runs, for one process.

   Loaded before libc (LD_PRELOAD). It adds an offset to the wall clock, and to no other: to
   CLOCK_REALTIME, and to what libc makes of it. The offset, in nanoseconds, is the first eight
   bytes of a file that the process names once with `follow_clock`; whoever writes there sets the
   clock. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ns = NULL;

int follow_clock(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return -1;
    }
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page == MAP_FAILED) {
        return -1;
    }
    offset_ns = page;
    return 0;
}

static void shift(struct timespec *told) {
    if (offset_ns == NULL) {
        return;
    }
    int64_t ns = told->tv_nsec + *offset_ns % 1000000000;
    told->tv_sec += *offset_ns / 1000000000;
    if (ns < 0) {
        ns += 1000000000;
        told->tv_sec -= 1;
    } else if (ns >= 1000000000) {
        ns -= 1000000000;
        told->tv_sec += 1;
    }
    told->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *told) {
    static int (*real)(clockid_t, struct timespec *) = NULL;
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real(clock, told);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        shift(told);
    }
    return result;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told != NULL) {
        *told = now.tv_sec;
    }
    return now.tv_sec;
}
