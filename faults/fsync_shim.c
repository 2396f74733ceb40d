/* fsync and fdatasync that fail with EIO while the file named by MQPROOF_FSYNC_FAILS exists.
 *
 * By system calls, and not by the library's functions, so that it needs nothing that is younger or
 * older than the libraries of the process. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(void) {
    const char *name = getenv("MQPROOF_FSYNC_FAILS");
    return name != NULL && access(name, F_OK) == 0;
}

static int call(long number, int file) {
    int before = errno; /* access() leaves ENOENT there */
    if (fails()) {
        errno = EIO;
        return -1;
    }
    errno = before;
    return (int)syscall(number, file);
}

int fsync(int file) { return call(SYS_fsync, file); }

int fdatasync(int file) { return call(SYS_fdatasync, file); }
