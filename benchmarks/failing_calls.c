/* Fails the Nth call, below one folder, of those that change files: write, pwrite, fsync, rename, mkdir, unlink, and
   open where it creates. Preloaded; armed by fail_call(folder, n, errno) in the process that is to meet the failure.
   A failing write that is armed as `torn` writes half of its bytes first, and all later writes fail, as on a disk that
   fills up. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t length;
static int chosen, error_number, torn;
static volatile int seen, full;
static char failed[PATH_MAX + 32];

void fail_call(const char *where, int n, int number, int half) {
    strncpy(folder, where, sizeof folder - 1);
    chosen = n, error_number = number, torn = half, seen = full = 0;
    length = strlen(folder);
}

const char *call_failed(void) { return failed; }

static int fails(const char *name, const char *path) {
    if (!length || strncmp(path, folder, length)) return 0;
    if (full && (!strcmp(name, "write") || !strcmp(name, "pwrite") || !strcmp(name, "create"))) {
        errno = error_number;
        return 1;
    }
    if (__sync_add_and_fetch(&seen, 1) != chosen) return 0;
    snprintf(failed, sizeof failed, "%s %s", name, path + length);
    errno = error_number;
    return 1;
}

static int fails_at(const char *name, int handle) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return fails(name, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int handle, const void *data, size_t size) {
    if (fails_at("write", handle)) {
        if (!torn || full) return -1;
        full = 1;
        return REAL(write)(handle, data, size / 2);
    }
    return REAL(write)(handle, data, size);
}
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t at) {
    return fails_at("pwrite", handle) ? -1 : REAL(pwrite64)(handle, data, size, at);
}
int fsync(int handle) { return fails_at("fsync", handle) ? -1 : REAL(fsync)(handle); }
int rename(const char *a, const char *b) { return fails("rename", b) ? -1 : REAL(rename)(a, b); }
int renameat(int x, const char *a, int y, const char *b) { return fails("rename", b) ? -1 : REAL(renameat)(x, a, y, b); }
int mkdir(const char *path, mode_t mode) { return fails("mkdir", path) ? -1 : REAL(mkdir)(path, mode); }
int unlink(const char *path) { return fails("unlink", path) ? -1 : REAL(unlink)(path); }
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return (flags & O_CREAT) && fails("create", path) ? -1 : REAL(open64)(path, flags, mode);
}
