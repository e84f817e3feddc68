//! The host and its processes.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Panel};
use crate::query::{Function, Query};
use crate::unit::Unit;

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "ホストの計測が無効です。keiki.toml で有効にしてください。",
            "The host is not watched; enable it in keiki.toml.",
        ),
        "[host]\nenabled = true",
    )
}

fn watched(builder: Builder) -> Panel {
    builder.fed_by(
        text("監視するプロセスを keiki.toml に書いてください。", "Name the processes to watch in keiki.toml."),
        "[[process]]\nname = \"web\"",
    )
}

pub(super) fn define() -> Definition {
    let cpu = all("system_cpu_usage_ratio");
    let avg = |metric: &str| Query::new(all(metric), Function::Last).combined(Combine::Avg);
    let memory = || avg("system_memory_utilization_ratio");
    let space = all("system_filesystem_utilization_ratio");
    let io = all("system_disk_io_bytes_total");
    let operations = all("system_disk_operations_total");
    let network = all("system_network_io_bytes_total");
    let direction = |selector: &crate::query::Selector, label: &str, value: &str| rate(&selector.clone().is(label, &[value]));
    let load = |period: &str| Query::new(all("system_cpu_load_average").is("period", &[period]), Function::Last);
    let process = |metric: &str| Query::new(all(metric), Function::Last);
    let by_process = &["process_name", "process_pid"];
    Definition {
        title: text("リソース", "Resources"),
        card: vec![
            ("resources.cpu", Last),
            ("resources.memory", Last),
            ("resources.disk_space", Max),
            ("resources.disk_io", Rate),
        ],
        panels: vec![
            fed(panel(
                "resources.cpu",
                text("CPU", "CPU"),
                text("CPU 使用率", "CPU"),
                Unit::Ratio,
                ChartKind::StackedArea,
                text(
                    "全コアに対する割合。コンテナでは割り当てが 100% です。数値は待ち（iowait）を含みません。",
                    "The share of all cores; in a container its quota is 100%. The figure leaves iowait out.",
                ),
            )
            .lines(avg("system_cpu_utilization_ratio").by(&["cpu_mode"]))
            .naming(&["cpu_mode"])
            .stat(Last, text("CPU", "CPU"), avg("system_cpu_usage_ratio"))
            .stat(Mean, text("平均", "Mean"), mean(&cpu).combined(Combine::Avg))
            .stat(Max, text("最大", "Max"), max(&cpu))),
            fed(panel(
                "resources.memory",
                text("メモリ", "Memory"),
                text("メモリ使用率", "Memory"),
                Unit::Ratio,
                ChartKind::Area,
                text(
                    "使えないメモリの割合（全体から利用可能な分を引いたもの）。コンテナでは上限が 100% です。",
                    "The share of memory that is not available; in a container its limit is 100%.",
                ),
            )
            .lines(memory())
            .stat(Last, text("メモリ", "Memory"), memory())
            .stat(Max, text("最大", "Max"), max(&all("system_memory_utilization_ratio")))),
            fed(panel(
                "resources.memory_bytes",
                text("メモリの内訳", "Memory by use"),
                text("メモリ", "Memory"),
                Unit::Bytes,
                ChartKind::StackedArea,
                text("使用中、バッファ、キャッシュに分けたメモリ。", "Memory in use, in buffers and in the page cache."),
            )
            .lines(Query::new(all("system_memory_usage_bytes").is_not("state", &["free"]), Function::Last).by(&["state"]))
            .naming(&["state"])
            .stat(
                Last,
                text("使用中", "Used"),
                Query::new(all("system_memory_usage_bytes").is("state", &["used"]), Function::Last),
            )
            .limited_by(last(&all("system_memory_limit_bytes")))),
            panel(
                "resources.swap",
                text("スワップ", "Swap"),
                text("スワップ使用率", "Swap"),
                Unit::Ratio,
                ChartKind::Area,
                text("スワップのうち使われている割合。", "The share of swap in use."),
            )
            .lines(avg("system_paging_utilization_ratio"))
            .stat(Last, text("スワップ", "Swap"), avg("system_paging_utilization_ratio"))
            .fed_by(
                text("このホストにスワップはないか、ホストの計測が無効です。", "This host has no swap, or is not watched."),
                "",
            ),
            fed(panel(
                "resources.load",
                text("ロードアベレージ", "Load"),
                text("実行待ちの数", "Runnable tasks"),
                Unit::Count,
                ChartKind::Line,
                text("実行中または実行待ちのタスク数の平均（1、5、15 分）。", "Mean number of running or runnable tasks over 1, 5 and 15 minutes."),
            )
            .lines(Query::new(all("system_cpu_load_average"), Function::Last).by(&["period"]))
            .naming(&["period"])
            .stat(Last, text("1 分", "1 min"), load("1m"))
            .limited_by(last(&all("system_cpu_logical_count")))),
            fed(panel(
                "resources.cores",
                text("コア別の CPU", "CPU by core"),
                text("CPU 使用率", "CPU"),
                Unit::Ratio,
                ChartKind::Line,
                text("コアごとの使用率。忙しい順に 8 つまで。", "Busy share of each core; the 8 busiest."),
            )
            .lines(avg("system_cpu_core_utilization_ratio").by(&["cpu"]))
            .naming(&["cpu"])
            .stat(Max, text("最大", "Max"), max(&all("system_cpu_core_utilization_ratio")))),
            fed(panel(
                "resources.disk_space",
                text("ディスク", "Disk space"),
                text("使用率", "Used"),
                Unit::Ratio,
                ChartKind::Line,
                text("ファイルシステムごとの使用率。", "The used share of each file system."),
            )
            .lines(max(&space).by(&["mountpoint"]))
            .naming(&["mountpoint"])
            .stat(Max, text("ディスク", "Disk"), max(&space))),
            fed(panel(
                "resources.disk_io",
                text("ディスク I/O", "Disk I/O"),
                text("転送", "Transfer"),
                Unit::BytesPerSecond,
                ChartKind::StackedArea,
                text("ディスクの読み書きの速さ。", "Bytes read from and written to disks."),
            )
            .lines(rate(&io).by(&["disk_io_direction"]))
            .naming(&["disk_io_direction"])
            .stat(Rate, text("ディスク I/O", "Disk I/O"), rate(&io))
            .stat_in(Unit::Bytes, Total, text("合計", "Total"), increase(&io))),
            fed(panel(
                "resources.disk_operations",
                text("ディスク操作", "Disk operations"),
                text("操作", "Operations"),
                Unit::PerSecond,
                ChartKind::StackedArea,
                text("ディスクの読み書きの回数。", "Reads and writes of disks."),
            )
            .lines(rate(&operations).by(&["disk_io_direction"]))
            .naming(&["disk_io_direction"])
            .stat(Rate, text("操作", "Operations"), rate(&operations))),
            fed(panel(
                "resources.network",
                text("ネットワーク", "Network"),
                text("転送", "Transfer"),
                Unit::BytesPerSecond,
                ChartKind::Line,
                text("インターフェースごとの送受信の速さ。多い順に 8 本まで。", "Bytes received and sent by interface; the 8 largest."),
            )
            .lines(rate(&network).by(&["network_interface_name", "network_io_direction"]))
            .naming(&["network_interface_name", "network_io_direction"])
            .stat(Rate, text("受信", "Received"), direction(&network, "network_io_direction", "receive"))
            .stat_in(
                Unit::Bytes,
                Total,
                text("送信合計", "Sent in all"),
                increase(&network.clone().is("network_io_direction", &["transmit"])),
            )),
            fed(panel(
                "resources.processes",
                text("上位プロセス", "Top processes"),
                text("CPU", "CPU"),
                Unit::Ratio,
                ChartKind::Table,
                text(
                    "CPU とメモリの多いプロセス。CPU の多い順、同じならメモリの多い順。5 秒ごと。名前だけで引数は読みません。",
                    "Processes using most CPU and memory, by CPU and then by memory, every 5 s; names only, never arguments.",
                ),
            )
            .naming(by_process)
            .table(20, Some(process("process_cpu_utilization_ratio").by(by_process)))
            .column(Last, text("CPU", "CPU"), Unit::Ratio, process("process_cpu_utilization_ratio").by(by_process))
            .column(Total, text("メモリ", "Memory"), Unit::Bytes, process("process_memory_usage_bytes").by(by_process))),
            watched(panel(
                "resources.watched",
                text("監視プロセス", "Watched processes"),
                text("CPU", "CPU"),
                Unit::Ratio,
                ChartKind::Table,
                text(
                    "設定したプロセスの CPU、メモリ、数、スレッド、ファイル記述子、再起動。稼働数が 0 なら動いていません。",
                    "CPU, memory, number, threads, file descriptors and restarts of the configured processes. 0 running: it does not run.",
                ),
            )
            .naming(&["process"])
            .table(50, Some(process("process_watched_cpu_utilization_ratio").by(&["process"])))
            .column(Last, text("CPU", "CPU"), Unit::Ratio, process("process_watched_cpu_utilization_ratio").by(&["process"]))
            .column(Total, text("メモリ", "Memory"), Unit::Bytes, process("process_watched_memory_usage_bytes").by(&["process"]))
            // Known when nothing else is: it says that a process is not there.
            .minor(Mean, text("稼働数", "Running"), Unit::Count, process("process_watched_count").by(&["process"]))
            .minor(Count, text("スレッド", "Threads"), Unit::Count, process("process_watched_threads").by(&["process"]))
            .minor(
                Max,
                text("ファイル記述子", "Open files"),
                Unit::Count,
                process("process_watched_open_file_descriptors").by(&["process"]),
            )
            .minor(
                Ratio,
                text("記述子の使用率", "Of the limit"),
                Unit::Ratio,
                Query::ratio(
                    process("process_watched_open_file_descriptors").by(&["process"]),
                    process("process_watched_open_file_descriptor_limit").by(&["process"]),
                ),
            )
            .minor(Min, text("再起動", "Restarts"), Unit::Count, increase(&all("process_watched_restarts_total")).by(&["process"]))),
        ],
    }
}
