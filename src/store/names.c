/* What the columns are called, as in samples.csv and load.csv. */
#include "memculprit/store.h"

const char *mc_field_name(enum mc_field f)
{
	static const char *const names[] = {
		[MC_F_ANON] = "anon_bytes", [MC_F_FILE] = "file_bytes", [MC_F_SHMEM] = "shmem_bytes", [MC_F_SWAP] = "swap_bytes",
		[MC_F_VSIZE] = "vsize_bytes", [MC_F_MINFLT] = "minflt", [MC_F_MAJFLT] = "majflt", [MC_F_UTIME] = "utime_ticks",
		[MC_F_STIME] = "stime_ticks", [MC_F_THREADS] = "threads", [MC_F_FDS] = "fds", [MC_F_PSS] = "pss_bytes",
		[MC_F_SHARED] = "shared_bytes", [MC_F_RSS] = "rss_bytes", [MC_F_REQUESTS] = "requests_total",
	};
	_Static_assert(sizeof names / sizeof *names == MC_F_COUNT, "a name for every field");
	return (unsigned)f < MC_F_COUNT ? names[f] : "";
}

const char *mc_load_field_name(enum mc_load_field f)
{
	static const char *const names[] = {
		[MC_L_REQUESTS] = "requests_total", [MC_L_RX_BYTES] = "net_rx_bytes", [MC_L_TX_BYTES] = "net_tx_bytes",
		[MC_L_RX_PACKETS] = "net_rx_packets", [MC_L_TX_PACKETS] = "net_tx_packets", [MC_L_IO_READ] = "io_read_bytes",
		[MC_L_IO_WRITE] = "io_write_bytes", [MC_L_CPU] = "cpu_seconds",
	};
	_Static_assert(sizeof names / sizeof *names == MC_L_COUNT, "a name for every field");
	return (unsigned)f < MC_L_COUNT ? names[f] : "";
}
