//! The number of cases of the property tests.
//!
//! An ordinary run generates the same few cases each time, from the seed in `.cargo/config.toml`. A long run sets another
//! seed and more cases:
//! `PROPTEST_RNG_SEED=7 PROPTEST_CASES=100000 cargo test --profile bench -p regulars-domain --test domain histories`.

use proptest::prelude::ProptestConfig;

/// Returns a configuration with `few` cases, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let many = std::env::var_os("PROPTEST_CASES").and_then(|cases| cases.to_str()?.parse().ok());
    ProptestConfig::with_cases(many.unwrap_or(few))
}
