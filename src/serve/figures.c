/* The metrics that INTERFACE promises: their names, types, units and help texts stand here and nowhere else. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve_priv.h"

struct column {
	const char *name;
	enum mc_metric_type type;
	const char *unit, *help;
	size_t at; /* offset of the double in its struct */
};

static double number_at(const void *base, size_t at)
{
	double v;
	memcpy(&v, (const char *)base + at, sizeof(v));
	return v;
}

static void put(struct mc_metrics *m, double v, size_t npairs, const char *const *pairs)
{
	if (!isnan(v))
		mc_metrics_sample(m, v, npairs, pairs);
}

#define P(field) offsetof(struct mc_program_figures, field)
static const struct column program_columns[] = {
	{ "memculprit_program_resident_memory_bytes", MC_GAUGE, "bytes", "Resident memory of the program's processes, shared pages counted in each.", P(resident) },
	{ "memculprit_program_proportional_memory_bytes", MC_GAUGE, "bytes", "Memory of the program with shared pages divided among those that share them (PSS).", P(proportional) },
	{ "memculprit_program_unique_memory_bytes", MC_GAUGE, "bytes", "Memory of the program that no other process shares (USS).", P(unique) },
	{ "memculprit_program_proportional_memory_age_seconds", MC_GAUGE, "seconds", "Age of the oldest figure in the proportional and unique memory.", P(proportional_age_s) },
	{ "memculprit_program_processes", MC_GAUGE, NULL, "Processes of the program now.", P(processes) },
	{ "memculprit_program_restarts_total", MC_COUNTER, NULL, "Processes of the program that began in place of one that had ended.", P(restarts) },
	{ "memculprit_program_deploys_total", MC_COUNTER, NULL, "Times the program began to run another version, marked or recognised.", P(deploys) },
	{ "memculprit_program_requests_total", MC_COUNTER, NULL, "Requests that the program served, read from where the configuration says.", P(requests) },
	{ "memculprit_program_network_receive_bytes_total", MC_COUNTER, "bytes", "Bytes received in the program's own network namespace or cgroup.", P(rx_bytes) },
	{ "memculprit_program_network_transmit_bytes_total", MC_COUNTER, "bytes", "Bytes sent in the program's own network namespace or cgroup.", P(tx_bytes) },
	{ "memculprit_program_network_receive_packets_total", MC_COUNTER, NULL, "Packets received in the program's own network namespace or cgroup.", P(rx_packets) },
	{ "memculprit_program_network_transmit_packets_total", MC_COUNTER, NULL, "Packets sent in the program's own network namespace or cgroup.", P(tx_packets) },
	{ "memculprit_program_io_read_bytes_total", MC_COUNTER, "bytes", "Bytes that the program had read from storage.", P(io_read) },
	{ "memculprit_program_io_write_bytes_total", MC_COUNTER, "bytes", "Bytes that the program had written to storage.", P(io_write) },
	{ "memculprit_program_cpu_seconds_total", MC_COUNTER, "seconds", "CPU time of the program, user and system.", P(cpu_seconds) },
	{ "memculprit_program_page_faults_total", MC_COUNTER, NULL, "Page faults of the program, minor and major.", P(page_faults) },
	{ "memculprit_program_context_switches_total", MC_COUNTER, NULL, "Context switches of the main threads of the program's processes.", P(switches) },
	{ "memculprit_program_sockets", MC_GAUGE, NULL, "Sockets that the program holds: connections, and those it listens on.", P(sockets) },
	{ "memculprit_program_memory_limit_bytes", MC_GAUGE, "bytes", "What the program may have within the limits of its cgroups.", P(memory_limit) },
	{ "memculprit_program_memory_pressure_ratio", MC_GAUGE, "ratio", "Share of the last 10 s in which some of the program's cgroup waited for memory (PSI).", P(memory_pressure) },
	{ "memculprit_program_oom_kills_total", MC_COUNTER, NULL, "Processes that the kernel killed in the program's cgroups for want of memory.", P(oom_kills) },
	{ "memculprit_program_short_lives_total", MC_COUNTER, NULL, "Processes of the program that began and ended between two samples.", P(short_lives) },
	{ "memculprit_program_short_lives_cpu_seconds_total", MC_COUNTER, "seconds", "CPU time of processes that began and ended between two samples.", P(short_cpu_seconds) },
	{ "memculprit_program_short_lives_peak_memory_bytes", MC_GAUGE, "bytes", "Largest resident memory of a process that began and ended between two samples.", P(short_peak) },
	{ "memculprit_program_last_deploy_timestamp_seconds", MC_GAUGE, "seconds", "When the program began to run another version, last.", P(last_deploy_s) },
	{ "memculprit_program_growth_bytes_per_second", MC_GAUGE, NULL, "Growth of the program's memory in the release that it is laid to.", P(growth) },
	{ "memculprit_program_growth_onset_timestamp_seconds", MC_GAUGE, "seconds", "When the growth began.", P(onset_s) },
	{ "memculprit_program_exhaustion_timestamp_seconds", MC_GAUGE, "seconds", "When memory runs out if the growth goes on.", P(exhaustion_s) },
	{ "memculprit_program_culprit_probability_ratio", MC_GAUGE, "ratio", "Probability that the culprit's deploy began the growth.", P(culprit_probability) },
};

static void kinds(struct mc_metrics *m, const char *program, const char *slot, const double v[4])
{
	static const char *const names[4] = { "anon", "file", "shmem", "swap" };
	for (size_t k = 0; k < 4; k++) {
		const char *const with[] = { "program", program, "process", slot, "kind", names[k] };
		const char *const without[] = { "program", program, "kind", names[k] };
		put(m, v[k], slot ? 3 : 2, slot ? with : without);
	}
}

static void program_kinds(struct mc_metrics *m, const struct mc_program_figures *p, size_t n)
{
	mc_metrics_family(m, "memculprit_program_memory_bytes", MC_GAUGE, "bytes",
		"Memory of the program by kind; the four add up. anon and swap are private: a leak shows there.");
	for (size_t i = 0; i < n; i++)
		kinds(m, p[i].name, NULL, (double[]){ p[i].anon, p[i].file, p[i].shmem, p[i].swap });
	mc_metrics_family(m, "memculprit_process_memory_bytes", MC_GAUGE, "bytes",
		"Memory of one process by kind; process is a slot that the next one takes over.");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p[i].nslots; k++) {
			const struct mc_slot_figures *s = &p[i].slots[k];
			char slot[16];
			snprintf(slot, sizeof(slot), "%u", s->slot);
			kinds(m, p[i].name, slot, (double[]){ s->anon, s->file, s->shmem, s->swap });
		}
}

static void verdicts(struct mc_metrics *m, const struct mc_program_figures *p, size_t n)
{
	static const char *const names[] = { "leak", "step", "load", "plateau", "none", "insufficient_data" };
	static const char *const states[] = { "active", "fixed" };
	mc_metrics_family(m, "memculprit_program_verdict", MC_GAUGE, NULL, "1 for the verdict that holds, 0 for the others.");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; p[i].verdict && k < sizeof(names) / sizeof(names[0]); k++)
			put(m, strcmp(p[i].verdict, names[k]) == 0, 2, (const char *[]){ "program", p[i].name, "verdict", names[k] });
	/* Both are 0 where nothing grew, so that an alert on 1 ends without the series going stale. */
	mc_metrics_family(m, "memculprit_program_state", MC_GAUGE, NULL, "1 for the state of a leak or step, 0 for the other; 0 for both without one.");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; p[i].verdict && k < sizeof(states) / sizeof(states[0]); k++)
			put(m, p[i].state && strcmp(p[i].state, states[k]) == 0, 2, (const char *[]){ "program", p[i].name, "state", states[k] });
}

static void versions(struct mc_metrics *m, const struct mc_program_figures *p, size_t n)
{
	mc_metrics_family(m, "memculprit_program_version_info", MC_INFO, NULL, "The versions that the program's processes run.");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p[i].nversions; k++)
			put(m, 1, 3, (const char *[]){ "program", p[i].name, "version", p[i].versions[k].version, "commit",
				p[i].versions[k].commit });
	mc_metrics_family(m, "memculprit_program_culprit_info", MC_INFO, NULL, "The deploy that began the growth.");
	for (size_t i = 0; i < n; i++)
		if (p[i].culprit_version || p[i].culprit_commit)
			put(m, 1, 3, (const char *[]){ "program", p[i].name, "version", p[i].culprit_version, "commit", p[i].culprit_commit });
}

/* Names that come out the same when they are cleaned are looked for in each family, the others are not. */
static void find_distinct(struct mc_labels *l, size_t n)
{
	enum { FEW = 256 };
	for (size_t i = 0; i < n && n <= FEW; i++)
		l[i].distinct = true;
	for (size_t i = 0; i < n && n <= FEW; i++)
		for (size_t k = 0; k < i; k++)
			if (l[k].hash == l[i].hash)
				l[k].distinct = l[i].distinct = false;
}

static void columns(struct mc_metrics *m, const struct mc_program_figures *p, size_t n)
{
	struct mc_labels *labels = mc_reallocarray(NULL, n + 1, sizeof(*labels));
	for (size_t i = 0; labels && i < n; i++)
		labels[i] = mc_metrics_labels(m, 1, (const char *[]){ "program", p[i].name });
	if (labels)
		find_distinct(labels, n);
	for (size_t c = 0; c < sizeof(program_columns) / sizeof(program_columns[0]); c++) {
		const struct column *col = &program_columns[c];
		mc_metrics_family(m, col->name, col->type, col->unit, col->help);
		for (size_t i = 0; i < n; i++) {
			double v = number_at(&p[i], col->at);
			mc_metrics_created(m, p[i].first_seen_s);
			if (!labels) /* without the memory for it they are written each time */
				put(m, v, 1, (const char *[]){ "program", p[i].name });
			else if (!isnan(v))
				mc_metrics_add(m, v, &labels[i]);
		}
	}
	free(labels);
}

void mc_metrics_programs(struct mc_metrics *m, const struct mc_program_figures *p, size_t n)
{
	program_kinds(m, p, n);
	columns(m, p, n);
	mc_metrics_created(m, (double)NAN);
	verdicts(m, p, n);
	versions(m, p, n);
}

#define H(field) offsetof(struct mc_host_figures, field)
static const struct column host_columns[] = {
	{ "memculprit_host_blocked_processes", MC_GAUGE, NULL, "Processes that wait for storage or swap.", H(blocked) },
	{ "memculprit_host_running_processes", MC_GAUGE, NULL, "Processes that run or wait for a CPU.", H(running) },
	{ "memculprit_host_iowait_ratio", MC_GAUGE, "ratio", "Share of CPU time spent waiting for storage.", H(iowait_ratio) },
	{ "memculprit_host_swap_in_bytes_total", MC_COUNTER, "bytes", "Bytes read back from swap.", H(swap_in_bytes) },
	{ "memculprit_host_swap_out_bytes_total", MC_COUNTER, "bytes", "Bytes written to swap.", H(swap_out_bytes) },
	{ "memculprit_host_memory_total_bytes", MC_GAUGE, "bytes", "Memory of the host.", H(memory_total) },
	{ "memculprit_host_memory_available_bytes", MC_GAUGE, "bytes", "Memory that can be had without swapping.", H(memory_available) },
	{ "memculprit_host_swap_total_bytes", MC_GAUGE, "bytes", "Swap of the host.", H(swap_total) },
	{ "memculprit_host_swap_used_bytes", MC_GAUGE, "bytes", "Swap in use.", H(swap_used) },
	{ "memculprit_host_oom_kills_total", MC_COUNTER, NULL, "Processes that the kernel killed for want of memory.", H(oom_kills) },
	{ "memculprit_host_context_switches_total", MC_COUNTER, NULL, "Context switches.", H(context_switches) },
	{ "memculprit_host_network_receive_bytes_total", MC_COUNTER, "bytes", "Bytes received, without loopback.", H(rx_bytes) },
	{ "memculprit_host_network_transmit_bytes_total", MC_COUNTER, "bytes", "Bytes sent, without loopback.", H(tx_bytes) },
	{ "memculprit_host_network_receive_packets_total", MC_COUNTER, NULL, "Packets received, without loopback.", H(rx_packets) },
	{ "memculprit_host_network_transmit_packets_total", MC_COUNTER, NULL, "Packets sent, without loopback.", H(tx_packets) },
};

void mc_metrics_host(struct mc_metrics *m, const struct mc_host_figures *h)
{
	mc_metrics_created(m, h->boot_s);
	for (size_t c = 0; c < sizeof(host_columns) / sizeof(host_columns[0]); c++) {
		mc_metrics_family(m, host_columns[c].name, host_columns[c].type, host_columns[c].unit, host_columns[c].help);
		put(m, number_at(h, host_columns[c].at), 0, NULL);
	}
	mc_metrics_family(m, "memculprit_host_pressure_seconds_total", MC_COUNTER, "seconds",
		"Time in which some or all tasks waited for a resource (PSI).");
	put(m, h->memory_some_s, 2, (const char *[]){ "resource", "memory", "kind", "some" });
	put(m, h->memory_full_s, 2, (const char *[]){ "resource", "memory", "kind", "full" });
	put(m, h->io_some_s, 2, (const char *[]){ "resource", "io", "kind", "some" });
	put(m, h->cpu_some_s, 2, (const char *[]){ "resource", "cpu", "kind", "some" });
	mc_metrics_created(m, (double)NAN);
}

#define D(field) offsetof(struct mc_daemon_figures, field)
static const struct column daemon_columns[] = {
	{ "memculprit_sample_duration_seconds", MC_GAUGE, "seconds", "Time that the last sample took.", D(sample_seconds) },
	{ "memculprit_last_sample_timestamp_seconds", MC_GAUGE, "seconds", "When the last sample was taken.", D(last_sample_s) },
	{ "memculprit_samples_total", MC_COUNTER, NULL, "Samples taken.", D(samples) },
	{ "memculprit_store_bytes", MC_GAUGE, "bytes", "Size of the database.", D(store_bytes) },
	{ "memculprit_programs_left_out", MC_GAUGE, NULL, "Programs beyond max_programs, not sampled.", D(programs_left_out) },
	{ "memculprit_processes_left_out", MC_GAUGE, NULL, "Processes beyond max_processes, not sampled.", D(processes_left_out) },
	{ "memculprit_short_lives_total", MC_COUNTER, NULL, "Processes that began and ended between two samples.", D(short_lives) },
	{ "memculprit_short_lives_lost_total", MC_COUNTER, NULL, "Times that more processes ended at once than the kernel could tell of.", D(short_lost) },
	{ "memculprit_http_requests_total", MC_COUNTER, NULL, "Requests answered.", D(http_requests) },
	{ "memculprit_http_errors_total", MC_COUNTER, NULL, "Requests answered with a server error.", D(http_errors) },
	{ "memculprit_http_dropped_connections_total", MC_COUNTER, NULL, "Connections closed on slow or surplus clients.", D(http_dropped) },
};

void mc_metrics_daemon(struct mc_metrics *m, const struct mc_daemon_figures *d)
{
	mc_metrics_family(m, "memculprit_build_info", MC_INFO, NULL, "The memculprit that runs.");
	mc_metrics_sample(m, 1, 2, (const char *[]){ "version", d->version, "commit", d->commit });
	for (size_t c = 0; c < sizeof(daemon_columns) / sizeof(daemon_columns[0]); c++) {
		mc_metrics_family(m, daemon_columns[c].name, daemon_columns[c].type, daemon_columns[c].unit, daemon_columns[c].help);
		put(m, number_at(d, daemon_columns[c].at), 0, NULL);
	}
	mc_metrics_family(m, "memculprit_sample_interval_seconds", MC_GAUGE, "seconds", "Time from one sample to the next, as configured.");
	if (d->interval_s > 0)
		mc_metrics_sample(m, d->interval_s, 0, NULL);
	mc_metrics_family(m, "memculprit_errors_total", MC_COUNTER, NULL, "Errors by the part that had them.");
	for (size_t i = 0; i < d->nerrors; i++)
		put(m, d->errors[i].errors, 1, (const char *[]){ "component", d->errors[i].component });
	mc_metrics_family(m, "memculprit_store_dropped_samples_total", MC_COUNTER, NULL,
		"Samples dropped since the database was made: older than keep, or for the room (quota, disk).");
	put(m, d->dropped_for_age, 1, (const char *[]){ "reason", "age" });
	put(m, d->dropped_for_room, 1, (const char *[]){ "reason", "room" });
}

/* ---- process_*, as every exporter has them ---- */

static void gauge(struct mc_metrics *m, const char *name, const char *unit, const char *help, double v)
{
	mc_metrics_family(m, name, MC_GAUGE, unit, help);
	put(m, v, 0, NULL);
}

/* The n-th number (from 0) after the name in the text of a /proc file of one line; NaN where there is none. */
static double field_of(const char *text, size_t n)
{
	double v = (double)NAN;
	/* The name in parentheses may hold blanks and parentheses. */
	const char *p = strrchr(text, ')');
	p = p ? p + 1 : text;
	for (size_t i = 0; *(p += strspn(p, " \n")); i++) {
		size_t len = strcspn(p, " \n");
		if (i == n)
			return mc_parse_double(p, len, &v) ? v : (double)NAN;
		p += len;
	}
	return v;
}

/* "size resident ..." in pages. It stays open: that is most of what it would cost. "": there is none. */
static void read_statm(char *text, size_t size)
{
	static atomic_int kept; /* descriptor + 1 */
	int fd = atomic_load(&kept) - 1, none = 0;
	if (fd < 0) {
		fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && !atomic_compare_exchange_strong(&kept, &none, fd + 1)) {
			close(fd); /* another page was faster */
			fd = none - 1;
		}
	}
	ssize_t n = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = '\0';
}

static double open_files(void)
{
	struct stat st;
	double n = 0;
	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) /* the count, from kernel 6.2 on */
		return (double)st.st_size;
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return (double)NAN;
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* the directory's own */
}

/* Start of this process: its age from the ticks since boot, against the wall clock. */
static double started(void)
{
	static double once; /* a clock that is set later does not move it */
	struct timespec boot;
	if (once > 0)
		return once;
	struct mc_buf b = { 0 };
	double ticks = mc_read_file(AT_FDCWD, "/proc/self/stat", 65536, &b, NULL) == 0 ? field_of(mc_buf_text(&b), 19) : (double)NAN;
	mc_buf_release(&b);
	if (isnan(ticks) || clock_gettime(CLOCK_BOOTTIME, &boot))
		return (double)NAN;
	double age = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - ticks / (double)sysconf(_SC_CLK_TCK);
	once = round((double)mc_now_ms() - age * 1000) / 1000; /* the ticks are no finer */
	return once;
}

void mc_metrics_process(struct mc_metrics *m)
{
	struct rusage ru;
	struct rlimit fds;
	double page = (double)sysconf(_SC_PAGESIZE), start = started();
	char statm[160];
	read_statm(statm, sizeof(statm));
	mc_metrics_created(m, start);
	mc_metrics_family(m, "process_cpu_seconds_total", MC_COUNTER, "seconds", "CPU time of memculprit, user and system.");
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		put(m, (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6, 0, NULL);
	mc_metrics_created(m, (double)NAN);
	gauge(m, "process_resident_memory_bytes", "bytes", "Resident memory of memculprit.", field_of(statm, 1) * page);
	gauge(m, "process_virtual_memory_bytes", "bytes", "Virtual memory of memculprit.", field_of(statm, 0) * page);
	gauge(m, "process_start_time_seconds", "seconds", "When memculprit was started.", start);
	gauge(m, "process_open_fds", NULL, "Open files of memculprit.", open_files());
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
		gauge(m, "process_max_fds", NULL, "Most open files of memculprit.", (double)fds.rlim_cur);
}
