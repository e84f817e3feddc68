//! The host's metrics: OpenTelemetry's system semantic conventions written the Prometheus way. Every series also carries
//! `host_name`, and no other label of identity.
//!
//! *The machine* is what this process may use: the whole host, or its container where that is limited (`linux/cgroup`).
//! Shares of the CPU are of the whole machine (1 = all its cores busy), so that they compare with targets such as
//! "CPU < 30 %". They are to a thousandth, or to less where the kernel counts more than a thousand ticks of its clock.

use crate::source::metric::metrics;

metrics! {
    CPU_USAGE = Gauge "system_cpu_usage_ratio" [] every 1000:
        "Busy share of the machine's CPU since the previous reading: user, system and steal; waiting for I/O is not busy.";
    CPU_UTILIZATION = Gauge "system_cpu_utilization_ratio" ["cpu_mode"] every 1000:
        "Share of the machine's CPU per mode: user (with nice), system (with interrupts), iowait, steal.";
    CPU_CORE_UTILIZATION = Gauge "system_cpu_core_utilization_ratio" ["cpu"] every 1000:
        "Busy share of one core since the previous reading; absent where a container's quota is the limit.";
    CPU_LOGICAL_COUNT = Gauge "system_cpu_logical_count" [] every 1000:
        "Logical cores that are online.";
    CPU_LIMIT = Gauge "system_cpu_limit_cores" [] every 1000:
        "Cores the machine may use: a container's quota, else the logical cores.";
    CPU_LOAD = Gauge "system_cpu_load_average" ["period"] every 1000:
        "Tasks running or waiting for CPU or disk, averaged over 1m, 5m or 15m.";
    PROCESSES = Gauge "system_processes_count" [] every 5000:
        "Processes that exist.";

    MEMORY_USAGE = Gauge "system_memory_usage_bytes" ["state"] every 1000:
        "Memory per state: used (not available to programs), cached, buffers, free; together the limit.";
    MEMORY_LIMIT = Gauge "system_memory_limit_bytes" [] every 1000:
        "Memory the machine may use: a container's limit, else all of it.";
    MEMORY_UTILIZATION = Gauge "system_memory_utilization_ratio" [] every 1000:
        "Share of the memory that is not available to programs: (total - available) / total.";
    PAGING_USAGE = Gauge "system_paging_usage_bytes" ["state"] every 1000:
        "Swap per state: used, free. Absent without swap.";
    PAGING_UTILIZATION = Gauge "system_paging_utilization_ratio" [] every 1000:
        "Share of the swap in use. Absent without swap.";

    FILESYSTEM_USAGE = Gauge "system_filesystem_usage_bytes" ["device", "mountpoint", "state"] every 10000:
        "Space of a local file system per state: used, free (for everyone), reserved (for the superuser).";
    FILESYSTEM_LIMIT = Gauge "system_filesystem_limit_bytes" ["device", "mountpoint"] every 10000:
        "Size of a local file system.";
    FILESYSTEM_UTILIZATION = Gauge "system_filesystem_utilization_ratio" ["device", "mountpoint"] every 10000:
        "Used share of a local file system as df tells it: used / (used + free).";

    DISK_IO = Counter "system_disk_io_bytes_total" ["device", "disk_io_direction"] every 1000:
        "Bytes read from or written to a physical disk.";
    DISK_OPERATIONS = Counter "system_disk_operations_total" ["device", "disk_io_direction"] every 1000:
        "Reads or writes a physical disk has completed.";
    DISK_IO_TIME = Counter "system_disk_io_time_seconds_total" ["device"] every 1000:
        "Time during which a physical disk had work; its rate is the disk's busy share.";

    NETWORK_IO = Counter "system_network_io_bytes_total" ["network_interface_name", "network_io_direction"] every 1000:
        "Bytes received or transmitted by a network interface.";
    NETWORK_PACKETS = Counter "system_network_packets_total" ["network_interface_name", "network_io_direction"] every 1000:
        "Packets received or transmitted by a network interface.";
    NETWORK_ERRORS = Counter "system_network_errors_total" ["network_interface_name", "network_io_direction"] every 1000:
        "Packets a network interface failed to receive or transmit.";
    NETWORK_DROPPED = Counter "system_network_dropped_total" ["network_interface_name", "network_io_direction"] every 1000:
        "Packets a network interface dropped.";

    TOP_CPU = Gauge "process_cpu_utilization_ratio" ["process_name", "process_pid"] every 5000:
        "Share of the machine's CPU of the processes that use most CPU or memory.";
    TOP_MEMORY = Gauge "process_memory_usage_bytes" ["process_name", "process_pid"] every 5000:
        "Resident memory of the processes that use most CPU or memory.";

    WATCHED_UP = Gauge "process_watched_up" ["process"] every 1000:
        "Whether a watched process runs, 0 or 1.";
    WATCHED_COUNT = Gauge "process_watched_count" ["process"] every 1000:
        "Running processes of a watched name.";
    WATCHED_CPU = Gauge "process_watched_cpu_utilization_ratio" ["process"] every 1000:
        "Share of the machine's CPU of a watched process, all processes of its name together.";
    WATCHED_CPU_CORES = Gauge "process_watched_cpu_usage_cores" ["process"] every 1000:
        "Cores kept busy by a watched process, all processes of its name together.";
    WATCHED_MEMORY = Gauge "process_watched_memory_usage_bytes" ["process"] every 1000:
        "Resident memory of a watched process, summed over its name; memory that its processes share counts once for each.";
    WATCHED_THREADS = Gauge "process_watched_threads" ["process"] every 1000:
        "Threads of a watched process, all processes of its name together.";
    WATCHED_DESCRIPTORS = Gauge "process_watched_open_file_descriptors" ["process"] every 1000:
        "Open file descriptors of a watched process, all of its name together; absent where Keiki may not look.";
    WATCHED_DESCRIPTOR_LIMIT = Gauge "process_watched_open_file_descriptor_limit" ["process"] every 1000:
        "Open file descriptors a watched process may have, all of its name together.";
    WATCHED_RESTARTS = Counter "process_watched_restarts_total" ["process"] every 1000:
        "Processes of a watched name that took the place of one that ended, since Keiki started.";
}
