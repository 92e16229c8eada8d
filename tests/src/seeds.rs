//! Seeds of generated cases: a few in an ordinary run, or as many as a time allows.

use std::time::{Duration, Instant};

/// An iterator over seeds. `FUZZ_SECONDS` sets for how long it yields seeds, and `FUZZ_SEED` the first one.
#[derive(Debug)]
pub struct Seeds {
    next: u64,
    left: u64,
    ends: Option<Instant>,
}

impl Seeds {
    /// Returns `cases` seeds from 0 on, unless the environment says otherwise.
    #[must_use]
    pub fn few(cases: u64) -> Self {
        let seconds = setting("FUZZ_SECONDS").map(Duration::from_secs);
        Self {
            next: setting("FUZZ_SEED").unwrap_or_default(),
            left: cases,
            ends: seconds.map(|seconds| Instant::now() + seconds),
        }
    }
}

impl Iterator for Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let is_over = self.ends.map_or(self.left == 0, |ends| Instant::now() >= ends);
        if is_over {
            return None;
        }
        let seed = self.next;
        self.left = self.left.saturating_sub(1);
        self.next += 1;
        Some(seed)
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}
