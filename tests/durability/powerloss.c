// SPDX-License-Identifier: AGPL-3.0-or-later
/* Writes down, in order, what a program does to the files of one directory. Loaded with LD_PRELOAD by powerloss.py,
   which rebuilds from the log what a disk may hold when the power fails.

   Order is the whole point, so three rules hold:
   - A change is logged and made under one lock that all threads and processes share, and logged first: whoever sees
     its effect finds it earlier in the log.
   - A sync is two records. It vouches for changes logged before its first, and only from its second on.
   - A record counts once `end` in the shared page has moved past it, so a SIGKILL leaves no torn record. The change
     under way at that moment is named by `in_progress`.
   The real calls are raw system calls, as are ours: nothing here runs through itself. What is not caught (mmap,
   stdio, fallocate, link) shows as a difference between log and directory, which powerloss.py refuses. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define LOG_DESCRIPTOR 200 /* away from the low numbers that the program expects to get */
#define BUFFER (PATH_MAX + 256)

enum kind { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNCED, UNLINK, RENAME, MARK, RESULT, DOUBT };

struct page {            /* the first page of the log; powerloss.py reads the first three */
    uint64_t end;         /* where the next record goes */
    uint64_t in_progress; /* where the record of the change under way is, or 0 */
    uint64_t marks;
    uint64_t ready;
    pthread_mutex_t lock;
};

struct record { /* followed by the path below the directory and by the data */
    uint32_t kind;
    uint32_t path_size;
    uint64_t data_size;
    int64_t value; /* WRITE: offset. TRUNCATE: size. SYNC: 1 for fdatasync. SYNCED, RESULT, DOUBT: of which record */
};

static struct page *page;
static int log_descriptor = -1;
static char root[BUFFER];
static size_t root_size;

static void die(const char *why) {
    dprintf(2, "powerloss: %s: %s\n", why, strerror(errno));
    abort();
}

/* ---- the log ---- */

static uint64_t append(enum kind kind, const char *path, int64_t value, const void *data, size_t size) {
    struct record record = {kind, (uint32_t)strlen(path), size, value};
    struct iovec parts[] = {
        {&record, sizeof record}, {(void *)path, record.path_size}, {(void *)data, size}};
    ssize_t total = (ssize_t)(sizeof record + record.path_size + size);
    uint64_t here = page->end;
    if (syscall(SYS_pwritev, log_descriptor, parts, 3, here, 0L) != total) die("cannot write the log");
    page->end = here + (uint64_t)total;
    return here;
}

static void lock(void) {
    int error = pthread_mutex_lock(&page->lock);
    if (error == EOWNERDEAD) {
        uint64_t doubtful = page->in_progress;
        pthread_mutex_consistent(&page->lock);
        page->in_progress = 0;
        if (doubtful && doubtful < page->end) append(DOUBT, "", (int64_t)doubtful, NULL, 0);
    } else if (error) {
        errno = error;
        die("cannot lock the log");
    }
}

static void unlock(void) { pthread_mutex_unlock(&page->lock); }

/* Under the lock, before a change. */
static void begin(enum kind kind, const char *path, int64_t value, const void *data, size_t size) {
    page->in_progress = page->end;
    append(kind, path, value, data, size);
}

/* After it: unlocks. A change that failed or was cut short is corrected by a second record. */
static long finish(long result, long expected) {
    int error = errno;
    int64_t got = result;
    if (result != expected) append(RESULT, "", (int64_t)page->in_progress, &got, sizeof got);
    page->in_progress = 0;
    unlock();
    errno = error;
    return result;
}

/* ---- which file? ---- */

/* The part of an absolute path below the directory ("" for itself), or NULL if it is elsewhere. */
static const char *below(const char *absolute) {
    if (strncmp(absolute, root, root_size) != 0) return NULL;
    if (absolute[root_size] == '/') return absolute + root_size + 1;
    return absolute[root_size] == '\0' ? absolute + root_size : NULL;
}

static ssize_t real_path(int descriptor, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, buffer, PATH_MAX);
    buffer[size < 0 ? 0 : size] = '\0';
    return size;
}

/* Asked of the kernel every time: a table of our own would miss dup, rename and the closing in a vfork child.
   A file with no name left cannot survive anything and is not watched. */
static const char *watched(int descriptor, char *buffer) {
    struct stat status;
    if (!page || fstat(descriptor, &status) != 0 || status.st_nlink == 0) return NULL;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return NULL;
    return real_path(descriptor, buffer) < 0 ? NULL : below(buffer);
}

static const char *watched_name(int directory, const char *path, char *buffer) {
    char parent[BUFFER] = ".";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!page || strlen(path) >= PATH_MAX || strlen(name) > NAME_MAX) return NULL;
    if (slash) snprintf(parent, sizeof parent, "%.*s/", (int)(slash - path), path);
    long descriptor = syscall(SYS_openat, directory, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (descriptor < 0) return NULL;
    ssize_t size = real_path((int)descriptor, buffer);
    syscall(SYS_close, descriptor);
    if (size < 0) return NULL;
    snprintf(buffer + size, (size_t)(BUFFER - size), "/%s", name);
    return below(buffer);
}

/* ---- the calls ---- */

static int any_open(int directory, const char *path, int flags, mode_t mode) {
    char buffer[BUFFER];
    int changes = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    const char *name = changes ? watched_name(directory, path, buffer) : NULL;
    if (!name) return (int)syscall(SYS_openat, directory, path, flags, mode);
    lock();
    int exists = faccessat(directory, path, F_OK, 0) == 0;
    if (exists && flags & O_TRUNC)
        begin(TRUNCATE, name, 0, NULL, 0);
    else if (!exists && flags & O_CREAT)
        begin(CREATE, name, 0, NULL, 0);
    long result = syscall(SYS_openat, directory, path, flags, mode);
    if (page->in_progress) return (int)finish(result, result < 0 ? 0 : result);
    unlock();
    return (int)result;
}

#define WITH_MODE(flags, mode)                                                                                         \
    mode_t mode = 0;                                                                                                   \
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {                                                         \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode = va_arg(arguments, mode_t);                                                                              \
        va_end(arguments);                                                                                             \
    }

int open(const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return any_open(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return any_open(directory, path, flags, mode);
}

static ssize_t any_write(int descriptor, const void *data, size_t size, off_t offset, int at_offset) {
    char buffer[BUFFER];
    const char *path = watched(descriptor, buffer);
    if (path) {
        struct stat status;
        lock();
        int64_t place = at_offset ? offset : syscall(SYS_lseek, descriptor, 0L, SEEK_CUR);
        if (fcntl(descriptor, F_GETFL) & O_APPEND && fstat(descriptor, &status) == 0) place = status.st_size;
        begin(WRITE, path, place, data, size);
    }
    long result = at_offset ? syscall(SYS_pwrite64, descriptor, data, size, offset)
                            : syscall(SYS_write, descriptor, data, size);
    return path ? finish(result, (long)size) : result;
}

ssize_t write(int descriptor, const void *data, size_t size) { return any_write(descriptor, data, size, 0, 0); }

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return any_write(descriptor, data, size, offset, 1);
}

int ftruncate(int descriptor, off_t size) {
    char buffer[BUFFER];
    const char *path = watched(descriptor, buffer);
    if (path) {
        lock();
        begin(TRUNCATE, path, size, NULL, 0);
    }
    long result = syscall(SYS_ftruncate, descriptor, size);
    return (int)(path ? finish(result, 0) : result);
}

/* Not under the lock: other threads may write meanwhile, and what they write is not vouched for. */
static int any_sync(long call, int descriptor) {
    char buffer[BUFFER];
    const char *path = watched(descriptor, buffer);
    uint64_t begun = 0;
    if (path) {
        lock();
        begun = append(SYNC, path, call == SYS_fdatasync, NULL, 0);
        unlock();
    }
    long result = syscall(call, descriptor);
    if (path && result == 0) {
        lock();
        append(SYNCED, "", (int64_t)begun, NULL, 0);
        unlock();
    }
    return (int)result;
}

int fsync(int descriptor) { return any_sync(SYS_fsync, descriptor); }

int fdatasync(int descriptor) { return any_sync(SYS_fdatasync, descriptor); }

int unlinkat(int directory, const char *path, int flags) {
    char buffer[BUFFER];
    const char *name = flags & AT_REMOVEDIR ? NULL : watched_name(directory, path, buffer);
    if (name) {
        lock();
        begin(UNLINK, name, 0, NULL, 0);
    }
    long result = syscall(SYS_unlinkat, directory, path, flags);
    return (int)(name ? finish(result, 0) : result);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    char from_buffer[BUFFER], to_buffer[BUFFER];
    const char *old = watched_name(from_directory, from, from_buffer);
    const char *new = watched_name(to_directory, to, to_buffer);
    if (old) {
        lock();
        begin(new ? RENAME : UNLINK, old, 0, new, new ? strlen(new) : 0);
    }
    long result = syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
    return (int)(old ? finish(result, 0) : result);
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

/* Off_t has 64 bits wherever this builds, so the other names of these calls are the same calls. */
_Static_assert(sizeof(off_t) == 8 && sizeof(long) == 8, "a 64-bit system is needed");
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));

/* ---- for powerloss.py and the programs that it runs ---- */

/* Something the outside world has now been told. Returns 0, or -1 where nothing is recorded. */
int powerloss_mark(const void *data, size_t size) {
    if (!page) return -1;
    lock();
    append(MARK, "", 0, data, size);
    page->marks++;
    unlock();
    return 0;
}

void powerloss_detach(void) {
    if (page) munmap(page, PAGE);
    if (log_descriptor >= 0) syscall(SYS_close, log_descriptor);
    page = NULL;
    log_descriptor = -1;
}

/* `log` was made by powerloss.py with its first page in place; `directory` has no symbolic link in it. */
void powerloss_attach(const char *log, const char *directory) {
    pthread_mutexattr_t shared;
    long low = syscall(SYS_openat, AT_FDCWD, log, O_RDWR | O_CLOEXEC, 0);
    if (low < 0 || (log_descriptor = fcntl((int)low, F_DUPFD_CLOEXEC, LOG_DESCRIPTOR)) < 0) die(log);
    syscall(SYS_close, low);
    root_size = (size_t)snprintf(root, sizeof root, "%s", directory);
    struct page *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, log_descriptor, 0);
    if (mapped == MAP_FAILED) die(log);
    flock(log_descriptor, LOCK_EX);
    if (!mapped->ready) {
        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
        if (pthread_mutex_init(&mapped->lock, &shared) != 0) die("cannot make a shared lock");
        mapped->ready = 1;
    }
    flock(log_descriptor, LOCK_UN);
    page = mapped;
}

__attribute__((constructor)) static void start(void) {
    const char *log = getenv("POWERLOSS_LOG"), *directory = getenv("POWERLOSS_DIRECTORY");
    if (log && directory) powerloss_attach(log, directory);
}
