/* Records what a process does to the files of one folder, so that a harness can rebuild the disk
 * as a power cut would have left it: only what was flushed is certain.
 *
 * LD_PRELOAD this; QD_CUT_DIR names the folder, QD_CUT_LOG the record. A write is recorded before it
 * happens, a flush after it has returned: the record never claims more durability than there was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096

static char *names[MAX_FD];
static int log_fd = -2;
static const char *dir;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void start(void) {
    if (log_fd != -2) return;
    dir = getenv("QD_CUT_DIR");
    const char *path = getenv("QD_CUT_LOG");
    log_fd = (dir && path) ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

/* op, then lengths, then the name and the data, in one append. */
static void record(char op, const char *name, uint64_t off, const void *data, uint64_t len) {
    unsigned char head[1 + 4 + 8 + 8];
    uint32_t n = (uint32_t)strlen(name);
    head[0] = (unsigned char)op;
    memcpy(head + 1, &n, 4);
    memcpy(head + 5, &off, 8);
    memcpy(head + 13, &len, 8);
    struct iovec v[3] = {{head, sizeof head}, {(void *)name, n}, {(void *)data, data ? len : 0}};
    syscall(SYS_writev, log_fd, v, 3);
}

static void opened(int fd, const char *path, int flags) {
    pthread_mutex_lock(&lock);
    start();
    if (log_fd >= 0 && fd >= 0 && fd < MAX_FD) {
        free(names[fd]);
        names[fd] = NULL;
        size_t d = strlen(dir);
        if (strncmp(path, dir, d) == 0 && path[d] == '/') {
            names[fd] = strdup(path + d + 1);
            if (flags & O_TRUNC) record('T', names[fd], 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&lock);
}

static const char *tracked(int fd) { return (fd >= 0 && fd < MAX_FD) ? names[fd] : NULL; }

#define NEXT(ret, name, ...) \
    static ret (*real)(__VA_ARGS__); \
    if (!real) real = (ret(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN_BODY(fname) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, mode_t); va_end(a); } \
    NEXT(int, fname, const char *, int, ...); \
    int fd = real(path, flags, mode); \
    opened(fd, path, flags); \
    return fd;

int open(const char *path, int flags, ...) { OPEN_BODY(open) }
int open64(const char *path, int flags, ...) { OPEN_BODY(open64) }

int close(int fd) {
    NEXT(int, close, int);
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < MAX_FD) { free(names[fd]); names[fd] = NULL; }
    pthread_mutex_unlock(&lock);
    return real(fd);
}

static void writing(int fd, const void *buf, size_t n, off64_t off) {
    pthread_mutex_lock(&lock);
    const char *name = tracked(fd);
    if (name) record('W', name, (uint64_t)off, buf, n);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *buf, size_t n) {
    NEXT(ssize_t, write, int, const void *, size_t);
    if (tracked(fd)) writing(fd, buf, n, lseek64(fd, 0, SEEK_CUR));
    return real(fd, buf, n);
}
ssize_t pwrite(int fd, const void *buf, size_t n, off_t off) {
    NEXT(ssize_t, pwrite, int, const void *, size_t, off_t);
    if (tracked(fd)) writing(fd, buf, n, off);
    return real(fd, buf, n, off);
}
ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t off) {
    NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    if (tracked(fd)) writing(fd, buf, n, off);
    return real(fd, buf, n, off);
}

static void cutting(int fd, off64_t len) {
    pthread_mutex_lock(&lock);
    const char *name = tracked(fd);
    if (name) record('T', name, (uint64_t)len, NULL, 0);
    pthread_mutex_unlock(&lock);
}
int ftruncate(int fd, off_t len) {
    NEXT(int, ftruncate, int, off_t);
    cutting(fd, len);
    return real(fd, len);
}
int ftruncate64(int fd, off64_t len) {
    NEXT(int, ftruncate64, int, off64_t);
    cutting(fd, len);
    return real(fd, len);
}

static int flushed(int fd, int result) {
    if (result == 0) {
        pthread_mutex_lock(&lock);
        const char *name = tracked(fd);
        if (name) record('S', name, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}
int fsync(int fd) {
    NEXT(int, fsync, int);
    return flushed(fd, real(fd));
}
int fdatasync(int fd) {
    NEXT(int, fdatasync, int);
    return flushed(fd, real(fd));
}

int unlink(const char *path) {
    NEXT(int, unlink, const char *);
    pthread_mutex_lock(&lock);
    start();
    if (log_fd >= 0) {
        size_t d = strlen(dir);
        if (strncmp(path, dir, d) == 0 && path[d] == '/') record('U', path + d + 1, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return real(path);
}
