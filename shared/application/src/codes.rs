//! The codes of rewards: what a redemption must read, how a code is generated, and how it is found.

use jiff::Timestamp;
use regulars_domain::{
    aftermath::Recorded,
    code::{Code, CodeSource, GENERATED_CHARACTERS, KeptCode},
    id::{ProgramId, RewardId},
    program::{Program, Reward},
};
use regulars_store::{Found, Needs};

use crate::{
    command::Undecided,
    engine::Engine,
    failure::Failure,
    refusal::{Refusal, RefusalCode},
};

/// Crockford's alphabet of 32: no characters that can be confused, so no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Returns what redeeming the reward `id` reads besides the account.
#[must_use]
pub fn needs(program: &Program, id: &RewardId, now: Timestamp) -> Needs {
    Needs { counters: program.counters_of(id, now), codes: pools(program.reward(id)), ..Needs::default() }
}

/// Returns those of `rewards` with a pool of codes.
pub fn pools<'p>(rewards: impl IntoIterator<Item = &'p Reward>) -> Vec<RewardId> {
    let pooled = rewards.into_iter().filter(|reward| reward.codes == CodeSource::Pool);
    pooled.map(|reward| reward.id.clone()).collect()
}

/// Returns a generated code for one redemption of the reward `id`, if it has such codes.
///
/// # Errors
///
/// The operating system has no randomness, which is a fault.
pub fn made_for(program: &Program, id: &RewardId) -> Result<Option<Code>, Failure> {
    match program.reward(id).map(|reward| reward.codes) {
        Some(CodeSource::Generated) => make().map(Some),
        Some(CodeSource::None | CodeSource::Pool) | None => Ok(None),
    }
}

fn make() -> Result<Code, Failure> {
    let mut random = [0; GENERATED_CHARACTERS];
    getrandom::fill(&mut random).map_err(Failure::broken)?;
    // 256 is a multiple of 32, so all characters are equally likely.
    let character = |byte: &u8| ALPHABET.get(usize::from(byte.rem_euclid(32))).copied().map(char::from);
    let text: String = random.iter().filter_map(character).collect();
    Code::generated(&text).ok_or_else(|| Failure::broken("a generated code has invalid characters"))
}

/// Returns what reversing `redemption` needs to know about its code; `None` if it has none.
///
/// # Errors
///
/// The code must be read first.
pub fn given_for<'f>(redemption: &Recorded, found: &'f Found) -> Result<Option<&'f KeptCode>, Undecided> {
    let Some(redeemed) = redemption.sealed.entry.redeemed() else { return Ok(None) };
    let Some(code) = &redeemed.code else { return Ok(None) };
    found
        .given_code(&redeemed.reward, code)
        .ok_or_else(|| Needs { given_codes: vec![(redeemed.reward.clone(), code.clone())], ..Needs::default() }.into())
}

/// Returns the refusal that a reward has no such code.
#[must_use]
pub fn code_not_found(reward: &RewardId) -> Refusal {
    Refusal::new(RefusalCode::CodeNotFound, format!("The reward `{reward}` has no such code."))
}

impl Engine {
    /// Returns the code of a reward that `text` names: exactly, or for a generated code regardless of case, spaces and
    /// dashes.
    ///
    /// # Errors
    ///
    /// `code_not_found`, or the store's fault.
    pub async fn code(&self, program: &ProgramId, reward: &RewardId, text: &str) -> Result<KeptCode, Failure> {
        let exact: Option<Code> = text.parse().ok();
        let generated = Code::generated(text).filter(|generated| Some(generated) != exact.as_ref());
        for code in exact.into_iter().chain(generated) {
            if let Some(kept) = self.store.code(program, reward, &code).await? {
                return Ok(kept);
            }
        }
        Err(code_not_found(reward).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_made_code_is_twenty_characters_of_which_none_is_like_another() {
        let made: BTreeSet<String> = (0..1_000).map(|_| make().unwrap().as_str().to_owned()).collect();
        assert_eq!(made.len(), 1_000);
        for code in &made {
            let groups: Vec<_> = code.split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4; 5], "{code}");
            assert!(groups.concat().bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        }
        // Each of 32 characters occurs some 625 times in each of 20,000 positions.
        for character in ALPHABET {
            let count = made.iter().flat_map(|code| code.bytes()).filter(|byte| byte == character).count();
            assert!((400..900).contains(&count), "{} came up {count} times", char::from(*character));
        }
        assert_eq!(ALPHABET.iter().collect::<BTreeSet<_>>().len(), 32);
    }
}
