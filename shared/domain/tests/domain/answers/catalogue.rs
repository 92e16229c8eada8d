//! Compares the catalogue with redeeming each reward, and with the pieces that members have.

use jiff::{SignedDuration, Timestamp};
use regulars_domain::{
    entry::{By, Entry, Kind},
    points::Points,
    posting::Unposted,
    program::Reward,
    redeem::RedeemRefusal,
};

use crate::{
    counting::decided,
    lives::{Life, People, wish},
    world::Member,
};

/// Returns the cost or the refusal in the catalogue, and the stock left.
fn told(life: &Life, member: &Member, reward: &Reward, now: Timestamp) -> (Result<i64, RedeemRefusal>, Option<i64>) {
    let settled = member.clone().settled(&life.rulebook, now);
    let can = decided(&member.totals, |counters| settled.can_redeem(reward, counters, None));
    let left: Result<_, Unposted<RedeemRefusal>> =
        decided(&member.totals, |counters| settled.stock_left(reward, counters).map_err(Unposted::Needs));
    (can.map(Points::get), left.unwrap())
}

pub(super) fn check(life: &Life, people: &People) {
    let hold_end = people.rival.account.holds.iter().map(|hold| hold.expires_at).max();
    // Also at the end of the rival's last hold, and one second before it.
    let second = SignedDuration::from_secs(1);
    let ends =
        hold_end.into_iter().flat_map(|end| [end.checked_sub(second).unwrap(), end]).filter(|now| *now > life.now);
    for now in [life.now].into_iter().chain(ends) {
        for reward in &life.rulebook.rewards {
            compare(life, people, reward, now);
        }
    }
}

fn compare(life: &Life, people: &People, reward: &Reward, now: Timestamp) {
    let id = reward.id.as_str();
    let (can, left) = told(life, &people.member, reward, now);
    if let Some(pieces) = reward.stock.pieces() {
        let month = life.rulebook.date(now).first_of_month();
        let is_of_month = |entry: &Entry| life.rulebook.date(entry.occurred_at).first_of_month() == month;
        let count = |of: &dyn Fn(&Entry) -> bool| {
            [&people.member, &people.rival].map(|member| pieces_out(member, id, now, of)).iter().sum::<i64>()
        };
        let (out, out_this_month) = (count(&|_| true), count(&is_of_month));
        assert_eq!(left, Some((pieces - out).max(0)), "of {pieces} pieces of {id} {out} are out at {now}");
        let most = life.look.mugs[1];
        let limited = can == Err(RedeemRefusal::RewardLimitReached);
        assert_eq!(limited, out_this_month >= most, "of {most} {id} a month {out_this_month} are out at {now}");
        let is_gone = can == Err(RedeemRefusal::RewardOutOfStock);
        assert_eq!(is_gone, !limited && out >= pieces, "of {pieces} pieces of {id} {out} are out at {now}: {can:?}");
    }
    let mut member = people.member.clone();
    let done = member.redeems_or_holds(&life.rulebook, now, "redeemed", &wish(id, None));
    assert_eq!(done.as_ref().map(|entry| -entry.points().get()), can.as_ref().map(|cost| *cost), "{id} at {now}");
    let has_few = left.is_some_and(|left| left < 1);
    assert!(done.is_err() || !has_few, "a piece of {id} was had of {left:?}");
    if done.is_ok() {
        let (_, after) = told(life, &member, reward, now);
        assert_eq!(after, left.map(|left| left - 1), "pieces of {id} left after one was had");
    }
}

/// Returns the number of pieces of a reward that a member has or holds according to the ledger, of the redemptions in `is_meant`. A hold
/// that has ended returns its piece.
fn pieces_out(member: &Member, reward: &str, now: Timestamp, is_meant: &dyn Fn(&Entry) -> bool) -> i64 {
    let entries = || member.ledger.iter().map(|sealed| &sealed.entry);
    let is_out = |redemption: &&Entry| {
        let redeemed = redemption.redeemed().filter(|redeemed| redeemed.reward.as_str() == reward);
        let Some(redeemed) = redeemed.filter(|_| is_meant(redemption)) else {
            return false;
        };
        let ended = |kind: Kind| {
            let mut acts = entries().filter(|entry| entry.kind() == kind && entry.by != By::Engine);
            acts.any(|entry| entry.refers_to.as_ref() == Some(&redemption.id))
        };
        let runs = redeemed.hold_expires_at.is_none_or(|end| end > now);
        ended(Kind::Capture) || (runs && !ended(Kind::Cancellation))
    };
    i64::try_from(entries().filter(is_out).count()).unwrap()
}
