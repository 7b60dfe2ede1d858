/* SPDX-License-Identifier: MIT */
/*
 * The recording: what goes in comes out, whatever is cut off its end or turned over inside it; a
 * full disk leaves what was there; memory does not grow with its length. Files live in memory
 * (memfd).
 */
#include "tests/unit/whole.h"
#include "tests/unit/mixed_profile.h"
#include "tests/unit/small_profile.h"
#include "user/format/chunk.h"
#include "user/format/format.h"
#include "user/format/record.h"
#include "user/format/recording.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zlib.h>

static int memory_file(void)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct profile *read_fd(int fd, int *err)
{
	__cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct profile *p = NULL;

	*err = format_recording.read(path, &p);
	return p;
}

/* The profile in these bytes; NULL when they are refused. */
static struct profile *read_bytes(const struct buf *b, int *err)
{
	int fd = memory_file();
	struct profile *p;

	assert_int_equal(write(fd, b->data, b->len), b->len);
	p = read_fd(fd, err);
	close(fd);
	return p;
}

static void load(int fd, struct buf *out)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	out->data = xmalloc((size_t)st.st_size + 1);
	out->cap = (size_t)st.st_size + 1;
	out->len = (size_t)st.st_size;
	assert_int_equal(pread(fd, out->data, out->len, 0), st.st_size);
}

struct flusher {
	struct profile_sink to;
	struct recording *r;
};
#define FLUSHING(name, type)                                                                                           \
	static void flush_##name(void *ctx, const type *item)                                                          \
	{                                                                                                              \
		struct flusher *f = ctx;                                                                               \
                                                                                                                       \
		f->to.ops->name(f->to.ctx, item);                                                                      \
		assert_int_equal(recording__flush(f->r), 0);                                                           \
	}
FLUSHING(meta, struct profile_meta)
FLUSHING(process, struct profile_process)
FLUSHING(thread, struct profile_thread)
FLUSHING(function, struct profile_function)
FLUSHING(frame, struct profile_frame)
FLUSHING(stack, struct profile_stack)
FLUSHING(sample, struct profile_sample)
FLUSHING(loss, struct profile_loss)
FLUSHING(value_type, struct profile_value_type)
FLUSHING(task, struct profile_task)
FLUSHING(label, struct profile_label)
FLUSHING(source, struct profile_source)

static const struct profile_sink_ops flushing_ops = {
	flush_meta,   flush_process, flush_thread,     flush_function, flush_frame, flush_stack,
	flush_sample, flush_loss,    flush_value_type, flush_task,     flush_label, flush_source,
};

/* With `flush_each` every fact is in a chunk of its own. */
static void record_small(int fd, bool flush_each)
{
	struct flusher f;

	assert_int_equal(recording__create(fd, &f.r), 0);
	f.to = recording__sink(f.r);
	tell_small(flush_each ? (struct profile_sink){&flushing_ops, &f} : f.to);
	assert_int_equal(recording__close(f.r), 0);
}

static void assert_same_tables(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->process_cnt, b->process_cnt);
	for (uint32_t i = 1; i <= a->process_cnt; i++) {
		assert_int_equal(a->processes[i].pid, b->processes[i].pid);
		assert_int_equal(a->processes[i].start_unix_ns, b->processes[i].start_unix_ns);
		assert_string_equal(a->processes[i].command, b->processes[i].command);
		assert_string_equal(a->processes[i].python, b->processes[i].python);
		assert_string_equal(a->processes[i].interpreter, b->processes[i].interpreter);
		assert_string_equal(a->processes[i].cgroup, b->processes[i].cgroup);
		assert_int_equal(a->processes[i].code_start_unix_ns, b->processes[i].code_start_unix_ns);
		assert_int_equal(a->processes[i].root, b->processes[i].root);
		assert_string_equal(a->processes[i].rights, b->processes[i].rights);
	}
	assert_int_equal(a->thread_cnt, b->thread_cnt);
	for (uint32_t i = 1; i <= a->thread_cnt; i++) {
		assert_int_equal(a->threads[i].process, b->threads[i].process);
		assert_int_equal(a->threads[i].tid, b->threads[i].tid);
		assert_string_equal(a->threads[i].name, b->threads[i].name);
	}
	assert_int_equal(a->function_cnt, b->function_cnt);
	for (uint32_t i = 1; i <= a->function_cnt; i++) {
		assert_string_equal(a->functions[i].name, b->functions[i].name);
		assert_string_equal(a->functions[i].module, b->functions[i].module);
		assert_string_equal(a->functions[i].file, b->functions[i].file);
		assert_string_equal(a->functions[i].short_file, b->functions[i].short_file);
		assert_int_equal(a->functions[i].first_line, b->functions[i].first_line);
		assert_int_equal(a->functions[i].origin, b->functions[i].origin);
		assert_int_equal(a->functions[i].kind, b->functions[i].kind);
	}
	assert_int_equal(a->frame_cnt, b->frame_cnt);
	assert_memory_equal(a->frames, b->frames, (a->frame_cnt + 1) * sizeof(*a->frames));
	assert_int_equal(a->stack_cnt, b->stack_cnt);
	assert_memory_equal(a->stacks, b->stacks, (a->stack_cnt + 1) * sizeof(*a->stacks));
}

static void assert_same_sums(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->bucket_cnt, b->bucket_cnt);
	assert_memory_equal(a->buckets, b->buckets, a->bucket_cnt * sizeof(*a->buckets));
	assert_int_equal(a->sample_cnt, b->sample_cnt);
	assert_int_equal(whole_value(a), whole_value(b));
	assert_int_equal(a->truncated_cnt, b->truncated_cnt);
	assert_int_equal(a->loss_cnt, b->loss_cnt);
	for (size_t i = 0; i < a->loss_cnt; i++) {
		assert_string_equal(a->losses[i].reason, b->losses[i].reason);
		assert_string_equal(a->losses[i].sentence, b->losses[i].sentence);
		assert_int_equal(a->losses[i].count, b->losses[i].count);
		assert_int_equal(a->losses[i].value, b->losses[i].value);
		assert_int_equal(a->losses[i].from_unix_ns, b->losses[i].from_unix_ns);
		assert_int_equal(a->losses[i].to_unix_ns, b->losses[i].to_unix_ns);
		assert_int_equal(a->losses[i].process, b->losses[i].process);
		assert_int_equal(a->losses[i].failure, b->losses[i].failure);
	}
}

struct list {
	struct profile_sample *items;
	size_t count, cap;
};

static int collect(void *arg, const struct profile_sample *s)
{
	struct list *l = arg;

	xgrow(l->items, l->count, l->cap);
	l->items[l->count++] = *s;
	return 0;
}

static struct list samples_of(const struct profile *p)
{
	struct list l = {0};

	assert_int_equal(profile__each_sample(p, collect, &l), 0);
	assert_int_equal(l.count, p->sample_cnt);
	return l;
}

static bool same_sample(const struct profile_sample *a, const struct profile_sample *b)
{
	return a->time_unix_ns == b->time_unix_ns && a->value == b->value && a->thread == b->thread &&
	       a->stack == b->stack && a->cpu == b->cpu && a->gil == b->gil && a->truncated == b->truncated &&
	       a->type == b->type && a->task == b->task;
}

/* `part` is a beginning of `whole`. */
static void assert_prefix_samples(const struct profile *part, const struct profile *whole)
{
	struct list a = samples_of(part), b = samples_of(whole);

	assert_true(a.count <= b.count);
	for (size_t i = 0; i < a.count; i++)
		assert_true(same_sample(&a.items[i], &b.items[i]));
	free(a.items);
	free(b.items);
}

static void assert_same(const struct profile *a, const struct profile *b)
{
	assert_same_tables(a, b);
	assert_same_sums(a, b);
	assert_int_equal(a->sample_cnt, b->sample_cnt);
	assert_prefix_samples(a, b);
	assert_string_equal(a->meta.tool, b->meta.tool);
	assert_string_equal(a->meta.command, b->meta.command);
	assert_string_equal(a->meta.target, b->meta.target);
	assert_string_equal(a->meta.host, b->meta.host);
	assert_string_equal(a->meta.kernel, b->meta.kernel);
	assert_int_equal(a->meta.start_unix_ns, b->meta.start_unix_ns);
	assert_int_equal(a->meta.duration_ns, b->meta.duration_ns);
	assert_true(a->meta.rate_hz == b->meta.rate_hz);
	assert_true(a->meta.effective_rate_hz == b->meta.effective_rate_hz);
	assert_int_equal(a->meta.cpus, b->meta.cpus);
	assert_int_equal(a->meta.gil_only, b->meta.gil_only);
	assert_int_equal(a->meta.complete, b->meta.complete);
}

static void streamed_reads_back(void **state)
{
	struct profile *want = small_profile();

	(void)state;
	for (int flush_each = 0; flush_each < 2; flush_each++) {
		int fd = memory_file(), err;
		struct profile *got;

		record_small(fd, flush_each);
		got = read_fd(fd, &err);
		assert_int_equal(err, 0);
		assert_same(got, want);
		profile__free(got);
		close(fd);
	}
	profile__free(want);
}

static void written_from_a_profile_reads_back(void **state)
{
	struct profile *want = small_profile(), *got, *again;
	struct view v = {0};
	struct buf first = {0}, second = {0};
	int err;
	FILE *f;

	(void)state;
	f = open_memstream(&first.data, &first.len);
	assert_int_equal(format_recording.write(want, &v, f), 0);
	fclose(f);
	assert_true(format_recording.probe((unsigned char *)first.data, 64));
	got = read_bytes(&first, &err);
	assert_same(got, want);
	/* … and from what was read, byte for byte. */
	f = open_memstream(&second.data, &second.len);
	assert_int_equal(format_recording.write(got, &v, f), 0);
	fclose(f);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	again = read_bytes(&second, &err);
	assert_same(again, want);
	profile__free(again);
	profile__free(got);
	profile__free(want);
	buf_free(&first);
	buf_free(&second);
}

/* A converted recording says that it is whole only where it ends. */
static void a_beginning_of_a_conversion_is_incomplete(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct buf file = {0};
	struct view v = {0};
	struct profile *p;
	uint32_t stored;
	int err;
	FILE *f;

	(void)state;
	tell_small(to);
	for (uint32_t i = 0; i < 100000; i++)
		emit_sample(to, i, 1, 1);
	p = profile_builder__finish(b);
	f = open_memstream(&file.data, &file.len);
	assert_int_equal(format_recording.write(p, &v, f), 0);
	fclose(f);
	profile__free(p);
	memcpy(&stored, file.data + CHUNK_FILE_HEADER + 4, 4);
	assert_true(file.len > CHUNK_FILE_HEADER + CHUNK_HEADER + stored);
	p = read_bytes(&file, &err);
	assert_true(p->meta.complete);
	profile__free(p);
	file.len = CHUNK_FILE_HEADER + CHUNK_HEADER + stored; /* exactly the first chunk */
	p = read_bytes(&file, &err);
	assert_false(p->meta.complete);
	assert_in_range(p->sample_cnt, 1000, 99999);
	profile__free(p);
	buf_free(&file);
}

/* What every damaged copy must still be: sums that agree, and a beginning of the original. */
static void assert_sane_part(const struct profile *part, const struct profile *whole)
{
	struct view v = {.threads = true};
	struct view_tree *t = view_tree__new(&v, part);
	__cleanup_free char *loss = loss_text(part);

	assert_false(part->meta.complete);
	assert_true(part->sample_cnt <= whole->sample_cnt);
	assert_int_equal(t->nodes[0].total_value, whole_value(part));
	assert_prefix_samples(part, whole);
	assert_non_null(strstr(loss, "recording incomplete"));
	view_tree__free(t);
}

static void cut_at_every_byte(void **state)
{
	struct profile *whole = small_profile();
	uint64_t last = 0, most = 0;
	struct buf b = {0};
	int fd = memory_file(), err;

	(void)state;
	record_small(fd, true);
	load(fd, &b);
	close(fd);
	for (size_t len = 0; len < b.len; len++) {
		struct buf cut = {b.data, len, len};
		struct profile *p = read_bytes(&cut, &err);

		assert_int_equal(!p, len < CHUNK_FILE_HEADER);
		if (!p) {
			assert_int_equal(err, -EBADMSG);
			continue;
		}
		assert_sane_part(p, whole);
		assert_true(p->sample_cnt >= last); /* a longer file never gives less */
		last = p->sample_cnt;
		most = last > most ? last : most;
		profile__free(p);
	}
	assert_int_equal(most, whole->sample_cnt);
	buf_free(&b);
	profile__free(whole);
}

static void turn_over_every_bit(void **state)
{
	struct profile *whole = small_profile();
	unsigned refused = 0, parts = 0, unharmed = 0;
	struct buf b = {0};
	int fd = memory_file(), err;

	(void)state;
	record_small(fd, true);
	load(fd, &b);
	close(fd);
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		struct profile *p;

		b.data[bit / 8] ^= (char)(1 << bit % 8);
		p = read_bytes(&b, &err);
		b.data[bit / 8] ^= (char)(1 << bit % 8);
		if (!p) {
			refused++;
			assert_in_range(bit / 8, 0, 9); /* magic and major version */
		} else if (p->meta.complete) {
			unharmed++;
			assert_in_range(bit / 8, 10, 15); /* minor version and the rest */
			assert_same(p, whole);
		} else {
			parts++;
			assert_in_range(bit / 8, CHUNK_FILE_HEADER, b.len);
			assert_sane_part(p, whole);
		}
		profile__free(p);
	}
	print_message("%zu bytes: %u flips refused, %u cut, %u without effect\n", b.len, refused, parts, unharmed);
	assert_int_equal(refused, 80);
	assert_int_equal(unharmed, 48);
	buf_free(&b);
	profile__free(whole);
}

static void killed_recorder_leaves_whole_chunks(void **state)
{
	int fd = memory_file(), status, err;
	struct profile *p;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct recording *r;
		struct profile_sink to;

		if (recording__create(fd, &r))
			_exit(1);
		to = recording__sink(r);
		tell_small(to);
		tell_meta(to, false);
		recording__flush(r);
		for (uint32_t i = 0; i < 1000; i++)
			emit_sample(to, i, 1, 1); /* never flushed */
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	p = read_fd(fd, &err);
	assert_int_equal(err, 0);
	assert_int_equal(p->sample_cnt, 40);
	assert_false(p->meta.complete);
	assert_true(p->meta.duration_ns > 0); /* made from the samples */
	profile__free(p);
	close(fd);
}

/* A file size limit stands for the full disk: a write is cut short first, then fails. */
static void full_disk_keeps_whole_chunks(void **state)
{
	struct rlimit old, limit;
	struct recording *r;
	struct profile_sink to;
	struct profile *p;
	unsigned seed = 5;
	struct stat st;
	int fd = memory_file(), err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 300000;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(recording__create(fd, &r), 0);
	to = recording__sink(r);
	tell_small(to);
	for (uint32_t i = 0; i < 400000; i++)
		emit_sample(to, i * 7 + (uint32_t)rand_r(&seed) % 100, 1 + i % 3, 1 + i % 6);
	err = recording__flush(r);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(recording__flush(r), -EFBIG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, recording__bytes(r)); /* the cut chunk was taken back */
	setrlimit(RLIMIT_FSIZE, &old);
	/* There is room again, but what lies between is lost: nothing may follow. */
	emit_sample(to, 1, 1, 1);
	assert_int_equal(recording__close(r), -EFBIG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_in_range(st.st_size, 200000, 299999);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), st.st_size);
	p = read_fd(fd, &err);
	assert_int_equal(err, 0);
	assert_in_range(p->sample_cnt, 20000, 400000);
	print_message("%lld of 300000 bytes hold %llu samples\n", (long long)st.st_size,
		      (unsigned long long)p->sample_cnt);
	profile__free(p);
	close(fd);
}

static void no_room_at_all_is_said_at_once(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct recording *r = (void *)1;
	struct profile *p = small_profile();
	struct view v = {0};
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(recording__create(fd, &r), -ENOSPC);
	assert_null(r);
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(format_recording.write(p, &v, f), -ENOSPC);
	profile__free(p);
	fclose(f);
	close(fd);
	assert_int_equal(recording__close(NULL), 0);
}

/* A file made by hand: a chunk of `records`, its type and flags changed, then the small profile. */
static struct buf by_hand(const struct buf *records, unsigned char type, unsigned char flags)
{
	struct chunk_packer *packer = chunk_packer__new();
	struct record_encoder *e = xcalloc(1, sizeof(*e));
	struct buf out = {0};
	uint32_t crc;
	size_t at;

	chunk_put_file_header(&out);
	at = out.len;
	chunk_packer__pack(packer, records, &out);
	out.data[at + 2] = (char)type;
	out.data[at + 3] = (char)(out.data[at + 3] | flags);
	crc = (uint32_t)crc32(0, (Bytef *)out.data + at, 12);
	crc = (uint32_t)crc32(crc, (Bytef *)out.data + at + CHUNK_HEADER, (uInt)(out.len - at - CHUNK_HEADER));
	memcpy(out.data + at + 12, &crc, 4);
	e->limit = SIZE_MAX;
	tell_small(record_encoder__sink(e));
	chunk_packer__pack(packer, record_encoder__content(e), &out);
	record_encoder__free(e);
	free(e);
	chunk_packer__free(packer);
	return out;
}

static uint64_t damaged(const struct profile *p)
{
	for (size_t i = 0; i < p->loss_cnt; i++)
		if (!strcmp(p->losses[i].reason, "damaged"))
			return p->losses[i].count;
	return 0;
}

/* A hand-made file whose first records must not change what follows; `hurt` of them are damage. */
static void assert_passed_over(const struct buf *records, unsigned char type, uint64_t hurt)
{
	struct profile *want = small_profile(), *p;
	struct buf file = by_hand(records, type, 0);
	int err;

	p = read_bytes(&file, &err);
	assert_int_equal(err, 0);
	assert_int_equal(damaged(p), hurt);
	assert_same_tables(p, want);
	assert_int_equal(p->sample_cnt, want->sample_cnt);
	assert_true(p->meta.complete);
	profile__free(p);
	profile__free(want);
	buf_free(&file);
}

static void later_additions_are_passed_over(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_puts(&b, "nobody knows this kind of chunk");
	assert_passed_over(&b, 9, 0);
	buf_reset(&b);
	buf_put(&b, "\x63\x03xyz", 5); /* nor this kind of record */
	buf_put(&b, "\x80\x01\x00", 3);
	buf_put(&b, "\x00\x00", 2);
	assert_passed_over(&b, CHUNK_RECORDS, 0);
	buf_free(&b);
}

static void later_fields_are_passed_over(void **state)
{
	struct record_encoder *e = xcalloc(1, sizeof(*e));
	struct chunk_packer *packer = chunk_packer__new();
	struct profile *p;
	struct buf file = {0}, longer = {0};
	int err;

	(void)state;
	e->limit = SIZE_MAX;
	emit_function(record_encoder__sink(e), 1, "f", "f.py");
	assert_true(e->raw.data[1] < 100);
	buf_put(&longer, e->raw.data, e->raw.len);
	longer.data[1] += 4;
	buf_puts(&longer, "more");
	buf_put(&longer, "\x05\x05\x01\x01\x02xy", 7); /* frame 1 of function 1, line 1 */
	chunk_put_file_header(&file);
	chunk_packer__pack(packer, &longer, &file);
	p = read_bytes(&file, &err);
	assert_int_equal(p->function_cnt, 1);
	assert_string_equal(p->functions[1].name, "f");
	assert_int_equal(p->frame_cnt, 1);
	assert_int_equal(p->frames[1].line, 1);
	assert_int_equal(damaged(p), 0);
	profile__free(p);
	record_encoder__free(e);
	chunk_packer__free(packer);
	free(e);
	buf_free(&file);
	buf_free(&longer);
}

/* Records of samples that say more of all of them, and samples that say more of themselves, one day. */
static void later_samples_are_read_as_far_as_known(void **state)
{
	struct chunk_packer *packer = chunk_packer__new();
	struct record_encoder *e = xcalloc(1, sizeof(*e));
	struct buf file = {0}, raw = {0};
	struct profile *p, *want = small_profile();
	uint64_t value;
	int err;

	(void)state;
	e->limit = SIZE_MAX;
	tell_small(record_encoder__sink(e));
	/* after the type `x`: type 1, task 0 and what nobody knows; a sample of thread 1 and stack 1 whose value is 7,
	 * with three bytes of its own; another one just like it, without */
	buf_put(&raw, "\x09\x07\x01\x01x\x02\x00\x00\x00", 9);
	buf_put(&raw,
		"\x0c\x0f\x04\x01\x00zz\xf0\x02\x01\x01\x0e\x03"
		"new\x00\x02",
		18);
	raw.data[10] = (char)(raw.len - 11);
	buf_put(&raw, record_encoder__content(e)->data, record_encoder__content(e)->len);
	chunk_put_file_header(&file);
	chunk_packer__pack(packer, &raw, &file);
	p = read_bytes(&file, &err);
	value = view__sum(&(struct view){.type = 1}, p).value;
	assert_int_equal(damaged(p), 0);
	assert_int_equal(p->type_cnt, 2);
	assert_int_equal(value, 14);
	assert_int_equal(p->sample_cnt, want->sample_cnt + 2);
	assert_int_equal(whole_value(p), whole_value(want)); /* the others are told against each other */
	profile__free(p);
	profile__free(want);
	record_encoder__free(e);
	chunk_packer__free(packer);
	free(e);
	buf_free(&file);
	buf_free(&raw);
}

/* A reader of before there were types passes the records of them over and has all the rest as it was. */
static void samples_of_other_types_do_not_touch_the_first(void **state)
{
	struct record_encoder *e = xcalloc(1, sizeof(*e));
	struct profile_sink to = record_encoder__sink(e);
	struct buf known = {0};
	struct cursor c;
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink builder = profile_builder__sink(b);
	struct profile *p, *all = mixed_profile();
	uint64_t unknown = 0;

	(void)state;
	e->limit = SIZE_MAX;
	tell_mixed(to);
	c = cursor_of(record_encoder__content(e)->data, record_encoder__content(e)->len);
	while (cursor_left(&c)) {
		const unsigned char *begin = c.at;
		uint64_t kind = cursor_varint(&c);

		cursor_bytes(&c, cursor_varint(&c));
		if (kind <= RECORD_LOSS)
			buf_put(&known, begin, (size_t)(c.at - begin));
	}
	assert_false(c.bad);
	assert_int_equal(record_decode(&known, &builder, &unknown), 0);
	p = profile_builder__finish(b);
	assert_int_equal(unknown, 0);
	assert_int_equal(damaged(p), 0);
	assert_true(p->sample_cnt > 0 && p->sample_cnt < all->sample_cnt);
	for (size_t i = 0; i < p->bucket_cnt; i++)
		for (size_t k = 0; k < all->bucket_cnt; k++) {
			const struct profile_bucket *x = &p->buckets[i], *y = &all->buckets[k];

			if (x->thread != y->thread || x->stack != y->stack || y->type || y->task)
				continue;
			assert_int_equal(x->samples, y->samples);
			assert_int_equal(x->value, y->value);
		}
	profile__free(p);
	profile__free(all);
	record_encoder__free(e);
	free(e);
	buf_free(&known);
}

static void unknown_kinds_are_said_once(void **state)
{
	struct buf records = {0}, file;
	char said[1024] = "";
	int saved = dup(STDERR_FILENO), pipes[2], err;
	struct profile *p;

	(void)state;
	for (int i = 0; i < 5; i++)
		buf_put(&records, "\x63\x03xyz", 5);
	file = by_hand(&records, CHUNK_RECORDS, 0);
	log_set_level(LOG_WARN);
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	p = read_bytes(&file, &err);
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_set_level(LOG_ERROR);
	assert_true(read(pipes[0], said, sizeof(said) - 1) > 0);
	close(pipes[0]);
	assert_non_null(strstr(said, "5 parts of it, of kinds that this program does not know, were left out"));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
	profile__free(p);
	buf_free(&file);
	buf_free(&records);
}

/* Before there were kinds of functions, what is synthetic was told by its origin. */
static void earlier_marks_are_synthetic(void **state)
{
	struct chunk_packer *packer = chunk_packer__new();
	struct buf file = {0}, raw = {0};
	struct profile *p;
	int err;

	(void)state;
	buf_put(&raw, "\x04\x0a\x01\x03[x]\x00\x00\x00\x00\x03", 12); /* [x] */
	buf_put(&raw,
		"\x04\x08\x02\x01"
		"f\x00\x00\x00\x00\x02",
		10); /* of site-packages */
	chunk_put_file_header(&file);
	chunk_packer__pack(packer, &raw, &file);
	p = read_bytes(&file, &err);
	assert_int_equal(damaged(p), 0);
	assert_int_equal(p->function_cnt, 2);
	assert_int_equal(p->functions[1].kind, PROFILE_SYNTHETIC);
	assert_int_equal(p->functions[2].kind, PROFILE_PYTHON);
	assert_int_equal(p->functions[2].origin, PROFILE_SITE);
	profile__free(p);
	chunk_packer__free(packer);
	buf_free(&file);
	buf_free(&raw);
}

/* Processes told by earlier programs, which had less to say of them. */
static void earlier_processes_are_read(void **state)
{
	static const char *const bodies[] = {"\x02\x09\x01\x07\x01\x05\x01"
					     "c\x00\x00\x00",
					     "\x02\x0a\x01\x07\x01\x05\x01"
					     "c\x00\x00\x00\x09"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct chunk_packer *packer = chunk_packer__new();
		struct buf file = {0}, raw = {0};
		struct profile *p;
		int err;

		buf_put(&raw, bodies[i], 11 + i);
		chunk_put_file_header(&file);
		chunk_packer__pack(packer, &raw, &file);
		p = read_bytes(&file, &err);
		assert_int_equal(p->process_cnt, 1);
		assert_int_equal(p->processes[1].pid, 7);
		assert_int_equal(p->processes[1].start_unix_ns, 5);
		assert_int_equal(p->processes[1].cpu_ns, i ? 9 : 0);
		assert_int_equal(p->processes[1].code_start_unix_ns, 0);
		assert_int_equal(p->processes[1].root, PROFILE_ROOT_UNSAID);
		assert_string_equal(p->processes[1].rights, "");
		assert_int_equal(damaged(p), 0);
		profile__free(p);
		chunk_packer__free(packer);
		buf_free(&file);
		buf_free(&raw);
	}
}

static void bodies_without_sense_are_damage(void **state)
{
	struct buf b = {0};

	(void)state;
	for (char kind = 1; kind <= 8; kind++) {
		if (kind == RECORD_SAMPLES)
			continue;
		buf_put(&b, &kind, 1); /* a body of one byte is too short for all of them */
		buf_put(&b, "\x01\x01", 2);
	}
	buf_put(&b, "\x07\x01\x00", 3); /* flags, no time */
	/* an endless varint */
	buf_put(&b, "\x07\x0b\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
	buf_put(&b, "\x03\x06\x01\x01\x01\xff\xff\x03", 8); /* a text longer than its record */
	/* a process whose id is one beyond 32 bits, which must not come out as 1 */
	buf_put(&b, "\x02\x0c\x81\x80\x80\x80\x10\x01\x01\x01\x00\x00\x00\x00", 14);
	assert_passed_over(&b, CHUNK_RECORDS, 11);
	buf_free(&b);
}

static void assert_nothing_read(const struct buf *file)
{
	struct profile *p;
	int err;

	p = read_bytes(file, &err);
	assert_int_equal(err, 0);
	assert_false(p->meta.complete);
	assert_int_equal(p->process_cnt, 0);
	assert_int_equal(p->sample_cnt, 0);
	profile__free(p);
}

/* Adds to the first chunk's raw length and makes its checksum right again. */
static void add_to_raw_length(struct buf *file, int32_t more)
{
	unsigned char *at = (unsigned char *)file->data + CHUNK_FILE_HEADER;
	uint32_t stored, raw, crc;

	memcpy(&stored, at + 4, 4);
	memcpy(&raw, at + 8, 4);
	raw += (uint32_t)more;
	memcpy(at + 8, &raw, 4);
	crc = (uint32_t)crc32(crc32(0, at, 12), at + CHUNK_HEADER, stored);
	memcpy(at + 12, &crc, 4);
}

static void chunks_that_lie_end_the_reading(void **state)
{
	struct buf b = {0}, file;

	(void)state;
	buf_put(&b, "\x05\x7f\x01", 3); /* a record longer than its chunk */
	file = by_hand(&b, CHUNK_RECORDS, 0);
	assert_nothing_read(&file);
	buf_free(&file);
	buf_reset(&b);
	for (int i = 0; i < 300; i++)
		buf_put(&b, "\x63\x00", 2);      /* harmless: records of an unknown kind */
	file = by_hand(&b, CHUNK_RECORDS, 0x80); /* stored in an unknown way */
	assert_nothing_read(&file);
	buf_free(&file);
	for (int32_t more = -1; more <= 1; more += 2) {
		file = by_hand(&b, CHUNK_RECORDS, 0);
		add_to_raw_length(&file, more);
		assert_nothing_read(&file);
		buf_free(&file);
	}
	b.len = 4;
	file = by_hand(&b, CHUNK_RECORDS, 1); /* said to be deflated, and is not */
	assert_nothing_read(&file);
	buf_free(&file);
	buf_free(&b);
}

/* A few kilobytes that hold sixteen megabytes and one record more, all of them harmless. */
static void bombs_are_not_unpacked(void **state)
{
	struct buf b = {.len = CHUNK_MAX_RAW}, file;

	(void)state;
	b.data = xcalloc(1, b.len + 2);
	assert_passed_over(&b, CHUNK_RECORDS, 0);
	b.len += 2;
	file = by_hand(&b, CHUNK_RECORDS, 0);
	assert_true(file.len < 200000);
	assert_nothing_read(&file);
	buf_free(&file);
	buf_free(&b);
}

static void other_versions_are_refused(void **state)
{
	struct buf b = {0};
	int err;

	(void)state;
	chunk_put_file_header(&b);
	b.data[8] = CHUNK_MAJOR + 1;
	assert_null(read_bytes(&b, &err));
	assert_int_equal(err, -ENOTSUP);
	buf_reset(&b);
	buf_puts(&b, "#!/usr/bin/python3 not a recording");
	assert_null(read_bytes(&b, &err));
	assert_int_equal(err, -EBADMSG);
	assert_false(format_recording.probe((unsigned char *)b.data, b.len));
	assert_int_equal(format_recording.read("/nonexistent/x.pybpf", &(struct profile *){0}), -ENOENT);
	buf_free(&b);
}

static void extremes_survive(void **state)
{
	static const uint64_t ends[] = {0, 1, UINT64_MAX, 1ull << 63, (1ull << 63) - 1};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to[2] = {profile_builder__sink(b)};
	struct profile *want, *got;
	struct recording *r;
	int fd = memory_file(), err;
	char *name = xmalloc(70001);

	(void)state;
	memset(name, 'x', 70000);
	name[70000] = 0;
	assert_int_equal(recording__create(fd, &r), 0);
	to[1] = recording__sink(r);
	for (int i = 0; i < 2; i++) {
		emit_process(to[i], 1, UINT32_MAX, "x");
		emit_thread(to[i], 1, 1, "x");
		emit_function(to[i], 1, "f", "f.py");
		tell_frame(to[i], 1, 1, INT32_MIN);
		tell_frame(to[i], 2, 1, INT32_MAX);
		tell_stack(to[i], 1, 0, 1);
		for (unsigned j = 0; j < 125; j++) {
			struct profile_sample s = {.thread = 1, .stack = 1};

			s.time_unix_ns = ends[j % 5];
			s.value = ends[j / 5 % 5];
			s.cpu = (uint16_t)(j * 1021);
			to[i].ops->sample(to[i].ctx, &s);
		}
	}
	assert_int_equal(recording__close(r), 0);
	want = profile_builder__finish(b);
	got = read_fd(fd, &err);
	assert_same_tables(got, want);
	assert_same_sums(got, want);
	assert_prefix_samples(got, want);
	profile__free(got);
	profile__free(want);
	close(fd);

	fd = memory_file();
	assert_int_equal(recording__create(fd, &r), 0);
	emit_process(recording__sink(r), 1, 1, name);
	assert_int_equal(recording__close(r), 0);
	got = read_fd(fd, &err);
	assert_int_equal(strlen(got->processes[1].command), RECORD_MAX_TEXT);
	profile__free(got);
	close(fd);
	free(name);
}

static void samples_and_buckets_agree_on_damage(void **state)
{
	int fd = memory_file(), err;
	struct profile_sink to;
	struct recording *r;
	struct profile *p;
	struct list l;

	(void)state;
	assert_int_equal(recording__create(fd, &r), 0);
	to = recording__sink(r);
	tell_small(to);
	emit_sample(to, 1, 9, 1);
	emit_sample(to, 1, 1, 9);
	tell_stack(to, 7, 1, 2); /* comes after its first sample */
	emit_sample(to, 2, 1, 7);
	assert_int_equal(recording__close(r), 0);
	p = read_fd(fd, &err);
	assert_int_equal(damaged(p), 2);
	l = samples_of(p);
	assert_int_equal(l.count, 41);
	free(l.items);
	profile__free(p);
	close(fd);
}

static void a_file_cut_after_reading_is_an_error(void **state)
{
	int fd = memory_file(), err;
	struct profile *p;
	struct list l = {0};

	(void)state;
	record_small(fd, true);
	p = read_fd(fd, &err);
	assert_int_equal(ftruncate(fd, 200), 0);
	assert_int_equal(profile__each_sample(p, collect, &l), -EBADMSG);
	free(l.items);
	profile__free(p);
	close(fd);
}

static int add_up(void *arg, const struct profile_sample *s)
{
	uint64_t *sum = arg;

	*sum = *sum * 1099511628211u +
	       (s->time_unix_ns ^ (uint64_t)s->stack << 32 ^ (uint64_t)s->thread << 8 ^ s->value ^ s->cpu);
	return 0;
}

/*
 * 16 CPUs at 99 Hz, periods redrawn now and then, 400 threads of which a CPU changes every third
 * tick, 30,000 stacks taken unevenly; new stacks appear all the time.
 */
static uint64_t record_long(struct profile_sink to, uint32_t samples)
{
	uint64_t period[16], at[16], sum = 0;
	uint32_t thread[16] = {0}, stacks = 0;
	unsigned seed = 77;

	tell_meta(to, false);
	emit_process(to, 1, 1, "x");
	for (uint32_t i = 1; i <= 400; i++)
		emit_thread(to, i, 1, "t");
	for (uint32_t i = 1; i <= 2000; i++) {
		emit_function(to, i, "function", "module.py");
		tell_frame(to, i, i, (int32_t)i);
	}
	for (int c = 0; c < 16; c++) {
		at[c] = 1700000000000000000u + (uint64_t)c * 600000;
		period[c] = 10101010;
	}
	for (uint32_t i = 0; i < samples; i++) {
		unsigned cpu = i % 16, r = (unsigned)rand_r(&seed);
		struct profile_sample s = {.cpu = (uint16_t)cpu, .gil = PROFILE_GIL_HELD};

		if (stacks < 30000 && i % 8 == 0) {
			stacks++;
			tell_stack(to, stacks, stacks > 40 ? stacks - 40 : 0, 1 + r % 2000);
		}
		if (r % 100 == 0)
			period[cpu] = 8000000 + (unsigned)rand_r(&seed) % 4000000;
		if (!thread[cpu] || r % 3 == 0)
			thread[cpu] = 1 + (unsigned)rand_r(&seed) % 400;
		at[cpu] += period[cpu] + r % 20000; /* the timer's jitter */
		s.time_unix_ns = at[cpu];
		s.value = period[cpu];
		s.thread = thread[cpu];
		s.stack = 1 +
			  (uint32_t)((double)stacks * (rand_r(&seed) / 2147483648.0) * (rand_r(&seed) / 2147483648.0));
		to.ops->sample(to.ctx, &s);
		add_up(&sum, &s);
	}
	return sum;
}

static void a_long_recording_is_small_and_flat(void **state)
{
	enum { SAMPLES = 1000000 };
	uint64_t want, got = 0;
	double start, took, before, after;
	struct recording *r;
	struct profile *p;
	struct stat st;
	int fd = memory_file(), err;

	(void)state;
	assert_int_equal(recording__create(fd, &r), 0);
	before = rss_mb();
	start = seconds_now();
	want = record_long(recording__sink(r), SAMPLES);
	took = seconds_now() - start;
	after = rss_mb();
	assert_int_equal(recording__close(r), 0);
	fstat(fd, &st);
	print_message("written: %.1f bytes a sample on disk, %.1f million/s, %.1f MB held\n",
		      (double)st.st_size / SAMPLES, SAMPLES / took / 1e6, after - before);
	start = seconds_now();
	before = rss_mb();
	p = read_fd(fd, &err);
	assert_int_equal(p->sample_cnt, SAMPLES);
	print_message("read: %.1f million/s, %.1f MB held\n", SAMPLES / (seconds_now() - start) / 1e6,
		      rss_mb() - before);
	start = seconds_now();
	assert_int_equal(profile__each_sample(p, add_up, &got), 0);
	assert_int_equal(got, want);
	print_message("each sample again: %.1f million/s\n", SAMPLES / (seconds_now() - start) / 1e6);
	assert_true((double)st.st_size / SAMPLES <= 12);
	profile__free(p);
	close(fd);
}

static void encoded_samples_are_small(void **state)
{
	struct record_encoder *e = xcalloc(1, sizeof(*e));
	size_t tables, all;

	(void)state;
	e->limit = SIZE_MAX;
	record_long(record_encoder__sink(e), 0);
	tables = record_encoder__content(e)->len;
	record_encoder__reset(e);
	record_long(record_encoder__sink(e), 100000);
	all = record_encoder__content(e)->len;
	print_message("%.2f bytes a sample before compression, new stacks included\n", (double)(all - tables) / 100000);
	assert_true(all - tables <= 12 * 100000);
	record_encoder__free(e);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streamed_reads_back),
		cmocka_unit_test(written_from_a_profile_reads_back),
		cmocka_unit_test(a_beginning_of_a_conversion_is_incomplete),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(turn_over_every_bit),
		cmocka_unit_test(killed_recorder_leaves_whole_chunks),
		cmocka_unit_test(full_disk_keeps_whole_chunks),
		cmocka_unit_test(no_room_at_all_is_said_at_once),
		cmocka_unit_test(later_additions_are_passed_over),
		cmocka_unit_test(later_fields_are_passed_over),
		cmocka_unit_test(later_samples_are_read_as_far_as_known),
		cmocka_unit_test(samples_of_other_types_do_not_touch_the_first),
		cmocka_unit_test(unknown_kinds_are_said_once),
		cmocka_unit_test(earlier_marks_are_synthetic),
		cmocka_unit_test(earlier_processes_are_read),
		cmocka_unit_test(bodies_without_sense_are_damage),
		cmocka_unit_test(chunks_that_lie_end_the_reading),
		cmocka_unit_test(bombs_are_not_unpacked),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(extremes_survive),
		cmocka_unit_test(samples_and_buckets_agree_on_damage),
		cmocka_unit_test(a_file_cut_after_reading_is_an_error),
		cmocka_unit_test(encoded_samples_are_small),
		cmocka_unit_test(a_long_recording_is_small_and_flat),
	};

	log_set_level(LOG_ERROR); /* thousands of damaged files are read on purpose */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
