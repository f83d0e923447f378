// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of home that a process maps.
 *
 * At home a process that moved has a table, number -> file.  On the guest's
 * node each of these files is stood for by a file of ours, whose pages come
 * over the link of the thread that touches them.  Its inode is found again by
 * what makes the file at home what it is, contents included, so that all guests
 * of one home share one copy of a program's text: the page cache does the rest.
 */

#include <linux/bvec.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/xarray.h>

#include "guest.h"
#include "internal.h"
#include "link.h"

#define HPCFS_MAGIC	0x48504346	/* "HPCF" */

/**
 * struct pager_key - which file of which home, with which contents
 * @boot_id:	of the home's kernel
 * @file:	as described by it; its number is left out
 */
struct pager_key {
	u8			boot_id[16];
	struct hpc_wire_file	file;
};

struct pager_inode {
	struct pager_key	key;
	struct inode		inode;
};

static struct kmem_cache *pager_cache;
static struct vfsmount *pager_mnt;

static struct pager_inode *to_pager(struct inode *inode)
{
	return container_of(inode, struct pager_inode, inode);
}

/* --- contents -------------------------------------------------------------- */

static int pager_read_folio(struct file *file, struct folio *folio)
{
	u32 id = (uintptr_t)file->private_data;
	int ret;

	ret = hpc_guest_fetch(id, folio->index, &folio, 1);
	folio_end_read(folio, !ret);
	return ret;
}

static void pager_readahead(struct readahead_control *rac)
{
	u32 id = (uintptr_t)rac->file->private_data;
	struct folio *folios[HPC_MAX_FETCH];
	unsigned int n, i;
	pgoff_t index;
	int ret;

	do {
		index = readahead_index(rac);
		for (n = 0; n < ARRAY_SIZE(folios); n++) {
			folios[n] = readahead_folio(rac);
			if (!folios[n])
				break;
		}
		ret = n ? hpc_guest_fetch(id, index, folios, n) : 0;
		/* Without data they are read one by one when needed. */
		for (i = 0; i < n; i++)
			folio_end_read(folios[i], !ret);
	} while (n == ARRAY_SIZE(folios));
}

static const struct address_space_operations pager_aops = {
	.read_folio	= pager_read_folio,
	.readahead	= pager_readahead,
};

static const struct file_operations pager_fops = {
	.mmap		= generic_file_readonly_mmap,
};

/* --- inodes ---------------------------------------------------------------- */

static struct inode *pager_alloc_inode(struct super_block *sb)
{
	struct pager_inode *p = alloc_inode_sb(sb, pager_cache, GFP_KERNEL);

	return p ? &p->inode : NULL;
}

static void pager_free_inode(struct inode *inode)
{
	kmem_cache_free(pager_cache, to_pager(inode));
}

static const struct super_operations pager_sops = {
	.alloc_inode	= pager_alloc_inode,
	.free_inode	= pager_free_inode,
	.statfs		= simple_statfs,
};

static int pager_test(struct inode *inode, void *data)
{
	return !memcmp(&to_pager(inode)->key, data, sizeof(struct pager_key));
}

static int pager_set(struct inode *inode, void *data)
{
	to_pager(inode)->key = *(struct pager_key *)data;
	return 0;
}

static struct inode *pager_inode_get(const struct hpc_wire_file *w,
				     const u8 *boot_id)
{
	struct pager_key key = { .file = *w };
	struct inode *inode;

	memcpy(key.boot_id, boot_id, sizeof(key.boot_id));
	key.file.id = 0;
	inode = iget5_locked(pager_mnt->mnt_sb,
			     jhash(&key, sizeof(key), 0), pager_test, pager_set,
			     &key);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (inode->i_state & I_NEW) {
		inode->i_ino = le64_to_cpu(w->ino);
		inode->i_mode = S_IFREG | 0444;
		i_size_write(inode, le64_to_cpu(w->size));
		inode->i_mapping->a_ops = &pager_aops;
		inode->i_fop = &pager_fops;
		mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER_MOVABLE);
		unlock_new_inode(inode);
	}
	return inode;
}

/* --- the table of a process ------------------------------------------------ */

static int files_store(u32 id, struct file *file)
{
	struct file *old;

	old = xa_store_irq(&hpc_process(current)->files, id, file, GFP_KERNEL_ACCOUNT);
	if (xa_is_err(old))
		return xa_err(old);
	if (old)
		fput(old);
	return 0;
}

int hpc_pager_add(const struct hpc_wire_file *w)
{
	u32 id = le32_to_cpu(w->id);
	struct inode *inode;
	struct file *file;
	char name[32];
	int ret;

	inode = pager_inode_get(w, hpc_process(current)->boot_id);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	snprintf(name, sizeof(name), "home:%llu", le64_to_cpu(w->ino));
	file = alloc_file_pseudo(inode, pager_mnt, name, O_RDONLY, &pager_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return PTR_ERR(file);
	}
	file->private_data = (void *)(uintptr_t)id;
	/* What lies around a page that is touched comes with it, in one FETCH. */
	file->f_ra.ra_pages = HPC_MAX_FETCH;
	ret = files_store(id, file);
	if (ret)
		fput(file);
	return ret;
}

void hpc_file_describe(u32 id, struct file *file, struct hpc_wire_file *w)
{
	struct inode *inode = file_inode(file);
	struct timespec64 mtime = inode_get_mtime(inode);
	struct timespec64 ctime = inode_get_ctime(inode);

	*w = (struct hpc_wire_file) {
		.id	= cpu_to_le32(id),
		.dev	= cpu_to_le32(new_encode_dev(inode->i_sb->s_dev)),
		.ino	= cpu_to_le64(inode->i_ino),
		.size	= cpu_to_le64(i_size_read(inode)),
		.mtime	= cpu_to_le64(timespec64_to_ns(&mtime)),
		.ctime	= cpu_to_le64(timespec64_to_ns(&ctime)),
	};
}

int hpc_file_id(struct file *file, u32 *id, bool *is_new)
{
	struct xarray *files = &hpc_process(current)->files;
	unsigned long index;
	struct file *f;
	int ret;

	*is_new = false;
	if (file->f_op == &pager_fops) {
		*id = (uintptr_t)file->private_data;
		return 0;
	}
	/* A guest maps nothing else, unless it is not to travel. */
	if (hpc_role(current) == HPC_GUEST)
		return -EBUSY;
	xa_for_each(files, index, f) {
		if (f == file) {
			*id = index;
			return 0;
		}
	}
	ret = xa_alloc_irq(files, id, file, XA_LIMIT(1, HPC_MAX_FILES),
			   GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret == -EBUSY ? -EMFILE : ret;
	get_file(file);
	*is_new = true;
	return 0;
}

struct file *hpc_file_get(u32 id)
{
	struct file *file = xa_load(&hpc_process(current)->files, id);

	return file ? get_file(file) : NULL;
}

void hpc_files_clear(struct hpc_process *hpc)
{
	unsigned long index;
	struct file *f;

	xa_for_each(&hpc->files, index, f)
		fput(f);
	xa_destroy(&hpc->files);
}

/* --- home's side of a fetch ------------------------------------------------ */

int hpc_file_read(u32 id, u64 index, struct page **pages, unsigned int n)
{
	struct bio_vec bvec[HPC_MAX_FETCH];
	struct iov_iter to;
	struct file *file;
	loff_t pos;
	ssize_t got;
	unsigned int i;

	if (index > (S64_MAX >> PAGE_SHIFT) - HPC_MAX_FETCH)
		return -EINVAL;
	file = hpc_file_get(id);
	if (!file)
		return -EBADF;
	for (i = 0; i < n; i++)
		bvec_set_page(&bvec[i], pages[i], PAGE_SIZE, 0);
	iov_iter_bvec(&to, ITER_DEST, bvec, n, (size_t)n << PAGE_SHIFT);
	pos = index << PAGE_SHIFT;
	do {
		got = vfs_iter_read(file, &to, &pos, 0);
	} while (got > 0 && iov_iter_count(&to));
	if (got >= 0)
		iov_iter_zero(iov_iter_count(&to), &to);
	fput(file);
	return got < 0 ? got : 0;
}

/* --- start ----------------------------------------------------------------- */

static void pager_init_once(void *p)
{
	inode_init_once(&((struct pager_inode *)p)->inode);
}

static int pager_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, HPCFS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &pager_sops;
	return 0;
}

static struct file_system_type pager_fs = {
	.name			= "hpcfs",
	.init_fs_context	= pager_init_fs_context,
	.kill_sb		= kill_anon_super,
};

int __init hpc_pager_init(void)
{
	pager_cache = kmem_cache_create("hpc_pager_inode",
					sizeof(struct pager_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					pager_init_once);
	if (!pager_cache)
		return -ENOMEM;
	pager_mnt = kern_mount(&pager_fs);
	if (IS_ERR(pager_mnt)) {
		kmem_cache_destroy(pager_cache);
		return PTR_ERR(pager_mnt);
	}
	return 0;
}
