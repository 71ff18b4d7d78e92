//! Processor time of processes, by Linux's accounting.

use anyhow::Context as _;

/// Seconds of processor time that a process and everything that it started have used, as far as they have not ended unwaited for.
pub(super) fn of_tree(root: u32) -> anyhow::Result<f64> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").context("look for processes")? {
        let name = entry?.file_name();
        // Whoever ended meanwhile is counted by who waited for it.
        if let Some(process) = name
            .to_str()
            .and_then(|pid| Process::read(pid.parse().ok()?))
        {
            all.push(process);
        }
    }
    let mut family = vec![root];
    let mut place = 0;
    while place < family.len() {
        let parent = family[place];
        family.extend(all.iter().filter(|p| p.parent == parent).map(|p| p.id));
        place += 1;
    }
    let ticks: u64 = all
        .iter()
        .filter(|process| family.contains(&process.id))
        .map(|process| process.ticks)
        .sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

struct Process {
    id: u32,
    parent: u32,
    ticks: u64,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name before may hold spaces and parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            id,
            parent: u32::try_from(number(1)?).ok()?,
            // Its own time in user mode and in the kernel, and that of children that it waited for.
            ticks: [11, 12, 13, 14]
                .iter()
                .map(|place| number(*place))
                .sum::<Option<u64>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_its_processor() -> anyhow::Result<()> {
        let before = of_tree(std::process::id())?;
        let mut sum = 0_u64;
        while of_tree(std::process::id())? < before + 0.05 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        Ok(())
    }
}
