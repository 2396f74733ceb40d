/* fsync and fdatasync that fail with EIO while the file named by MQPROOF_FSYNC_FAILS exists. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    const char *name = getenv("MQPROOF_FSYNC_FAILS");
    return name != NULL && access(name, F_OK) == 0;
}

static int call(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int before = errno; /* access() leaves ENOENT there */
    if (fails()) {
        errno = EIO;
        return -1;
    }
    errno = before;
    return real(file);
}

int fsync(int file) { return call("fsync", file); }

int fdatasync(int file) { return call("fdatasync", file); }
