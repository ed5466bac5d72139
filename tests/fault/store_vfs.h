/* A file system in memory for SQLite: it fails calls on demand, gets full, and loses power: then of all
 * that was not synced any part may be there or not, cut inside a write too. One connection a file. */
#ifndef TESTS_FAULT_STORE_VFS_H
#define TESTS_FAULT_STORE_VFS_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum vfs_call { VFS_WRITE, VFS_SYNC, VFS_OPEN, VFS_READ, VFS_TRUNCATE, VFS_CALLS };

struct vfs_plan {
	int64_t fail_at[VFS_CALLS]; /* the call of this number fails, from 1; 0: none */
	bool for_good;              /* and all after it */
	int64_t calls[VFS_CALLS];   /* counted */
	uint64_t room;              /* bytes that all files may take; 0: any */
	int64_t power_at;           /* after so many writes and syncs nothing reaches the disk; 0: never */
	int64_t changes;            /* writes, truncates and syncs */
};
extern struct vfs_plan vfs_plan;

int vfs_register(void); /* as the default */
void vfs_clear(void);   /* removes all files */
/* The power came back: files are what was synced, and a part of the rest that `seed` chooses. */
void vfs_power_back(unsigned seed);

#endif
