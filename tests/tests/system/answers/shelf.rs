//! The redemptions of a case, as the test knows them.

use fastrand::Rng;
use jiff::Timestamp;

use super::program::pick;

/// A redemption.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) key: String,
    pub(super) member: String,
    reward: String,
    /// When its hold ends; `None` if it was never held, or is captured.
    pub(super) ends_at: Option<Timestamp>,
}

/// The redemptions that may still count.
#[derive(Default)]
pub(super) struct Shelf(Vec<Taken>);

impl Shelf {
    pub(super) fn take(&mut self, key: &str, member: &str, reward: &str, ends_at: Option<Timestamp>) {
        self.0.push(Taken { key: key.to_owned(), member: member.to_owned(), reward: reward.to_owned(), ends_at });
    }

    /// Returns a redemption whose hold was neither captured nor cancelled.
    pub(super) fn any_hold(&self, rng: &mut Rng) -> Option<Taken> {
        let held: Vec<_> = self.0.iter().filter(|taken| taken.ends_at.is_some()).cloned().collect();
        (!held.is_empty()).then(|| pick(rng, &held))
    }

    /// Captures or cancels a hold.
    pub(super) fn end(&mut self, key: &str, is_captured: bool) {
        let place = self.0.iter().position(|taken| taken.key == key).unwrap();
        if is_captured {
            self.0[place].ends_at = None;
        } else {
            self.0.remove(place);
        }
    }

    /// Returns the number of pieces of a reward that members have or hold.
    pub(super) fn out(&self, reward: &str, now: Timestamp) -> i64 {
        let of_reward = self.0.iter().filter(|taken| taken.reward == reward);
        let out = of_reward.filter(|taken| taken.ends_at.is_none_or(|end| end > now)).count();
        i64::try_from(out).unwrap()
    }
}
