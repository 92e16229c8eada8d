//! The codes that rewards give away: what has to be looked at for one, and how one is made.

use jiff::Timestamp;
use regulars_domain::{
    code::{Code, CodeSource},
    id::RewardId,
    program::{Program, Reward},
};
use regulars_store::Needs;

use crate::failure::Failure;

/// Crockford's 32: nothing that can be taken for something else, so no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code, of five bits each: 100 bits are beyond guessing, however many codes are good.
const CHARACTERS: usize = 20;

/// Characters between two dashes, for people who type or read aloud.
const GROUP: usize = 4;

/// What redeeming the reward called `id` looks at besides the account.
#[must_use]
pub fn needs(program: &Program, id: &RewardId, now: Timestamp) -> Needs {
    Needs { counters: program.counters_of(id, now), codes: pools(program.reward(id)), ..Needs::default() }
}

/// Those of `rewards` that give codes from a pool.
pub fn pools<'p>(rewards: impl IntoIterator<Item = &'p Reward>) -> Vec<RewardId> {
    let pooled = rewards.into_iter().filter(|reward| reward.codes == CodeSource::Pool);
    pooled.map(|reward| reward.id.clone()).collect()
}

/// A code made for one redemption of the reward called `id`, if that gives such codes.
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
    let mut random = [0; CHARACTERS];
    getrandom::fill(&mut random).map_err(Failure::broken)?;
    // 256 is a multiple of 32, so each character is as likely.
    let character = |byte: &u8| ALPHABET.get(usize::from(byte.rem_euclid(32))).copied().map(char::from);
    let groups: Vec<String> = random.chunks(GROUP).map(|group| group.iter().filter_map(character).collect()).collect();
    groups.join("-").parse().map_err(Failure::broken)
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
        // Each of 32 characters comes up some 625 times in each of 20,000 places.
        for character in ALPHABET {
            let count = made.iter().flat_map(|code| code.bytes()).filter(|byte| byte == character).count();
            assert!((400..900).contains(&count), "{} came up {count} times", char::from(*character));
        }
        assert_eq!(ALPHABET.iter().collect::<BTreeSet<_>>().len(), 32);
    }
}
