//! Reservations of ended holds: free from the second in which the hold ends, for all members, and returned once.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use regulars_domain::{
    counter::{CounterChange, CounterId, Reserved, Take},
    enroll::{MemberChange, NewStatus, change_member},
    entry::By,
    posting::Unposted,
    redeem::{Redeem, RedeemRefusal},
    redemption::{self, Part},
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    totals::Totals,
    world::{Member, Rulebook, at, lots, program, request},
};

/// Returns a program with one reward, `mug`, for 10 points, with holds of up to an hour, and these `fields`.
fn with_mug(fields: &Value) -> Rulebook {
    let mut reward = json!({ "id": "mug", "name": "A mug", "kind": "product", "cost": { "points": 10 },
                             "hold_seconds_max": 3_600 });
    reward.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    program(json!({ "rewards": [reward] }))
}

/// Members who share the totals of their program.
struct Shop<'p> {
    program: &'p Rulebook,
    members: Vec<Member>,
    totals: Totals,
}

impl<'p> Shop<'p> {
    fn of(program: &'p Rulebook, members: usize) -> Self {
        let mut member = Member::joins(program, "2026-11-01");
        member.account.lots = lots(&[("never", 100_000)]);
        Self { program, members: vec![member; members], totals: Totals::default() }
    }

    /// Lets a member act on the current totals.
    fn act<T>(&mut self, who: usize, act: impl FnOnce(&mut Member, &'p Rulebook) -> T) -> T {
        let member = &mut self.members[who];
        member.totals = self.totals.clone();
        let done = act(member, self.program);
        self.totals = member.totals.clone();
        done
    }

    fn holds(&mut self, who: usize, now: Timestamp, key: &str, seconds: i64) -> Result<(), RedeemRefusal> {
        let wish = Redeem { reward: "mug".parse().unwrap(), money: None, hold_seconds: Some(seconds) };
        self.act(who, |member, program| member.redeems_or_holds(program, now, key, &wish).map(drop))
    }

    fn redeems(&mut self, who: usize, now: Timestamp, key: &str) -> Result<(), RedeemRefusal> {
        self.act(who, |member, program| member.redeems(program, now, key, "mug", None).map(drop))
    }

    /// Returns how many mugs a member's catalogue shows, and whether the member can have one.
    fn catalogue(&mut self, who: usize, now: Timestamp) -> (Option<i64>, bool) {
        let totals = self.totals.clone();
        let settled = self.members[who].settled(self.program, now);
        let mug = &self.program.rewards[0];
        let left: Result<_, Unposted<RedeemRefusal>> =
            decided(&totals, |counters| settled.stock_left(mug, counters).map_err(Unposted::Needs));
        let can = decided(&totals, |counters| settled.can_redeem(mug, counters, None));
        (left.unwrap(), can.is_ok())
    }

    fn change(&mut self, who: usize, now: Timestamp, status: NewStatus) {
        self.act(who, |member, program| {
            let settled = member.settled(program, now);
            let wish = MemberChange { status: Some(status), ..MemberChange::default() };
            if let Ok(Some(posting)) = change_member(settled, wish, By::Operator, None) {
                member.commit(posting);
            }
        });
    }
}

#[test]
fn a_piece_is_free_for_all_members_from_the_second_in_which_its_hold_ends() {
    let end = at("2026-11-21T12:01");
    let second = SignedDuration::from_secs(1);
    for fields in [
        json!({ "stock": 1 }),
        json!({ "limit": { "times": 1, "per": "program", "every": "ever" } }),
        json!({ "limit": { "points": 10, "per": "program", "every": "day" } }),
        json!({ "stock": 1, "limit": { "times": 1, "per": "program", "every": "month" } }),
    ] {
        for status in [None, Some(NewStatus::Suspended), Some(NewStatus::Closed)] {
            let program = with_mug(&fields);
            let mut shop = Shop::of(&program, 3);
            shop.holds(0, at("2026-11-21T12:00"), "r-1", 60).unwrap();
            if let Some(status) = status {
                shop.change(0, at("2026-11-21T12:00"), status);
            }
            let stock = |left| fields.get("stock").map(|_| left);
            for who in 0..3 {
                assert_eq!(shop.catalogue(who, end - second), (stock(0), false), "{who} {fields} {status:?}");
                assert_eq!(
                    shop.catalogue(who, end),
                    (stock(1), who > 0 || status.is_none()),
                    "{who} {fields} {status:?}"
                );
            }
            assert!(shop.redeems(1, end - second, "r-2").is_err(), "{fields}");
            shop.redeems(1, end, "r-3").unwrap();
            assert_eq!(shop.catalogue(2, end), (stock(0), false), "{fields}");
            // The holder is settled afterwards: nothing is returned twice.
            shop.act(0, |member, program| member.reviewed(program, at("2026-11-22")));
            assert_eq!(shop.members[0].state("r-1"), "expired");
            let late = at("2026-11-21T23:00");
            assert_eq!(shop.catalogue(2, late), (stock(0), false), "{fields} {status:?}");
            assert!(shop.redeems(2, late, "r-4").is_err(), "{fields}");
        }
    }
}

#[test]
fn a_hold_shows_its_end_and_its_end_shows_what_is_kept() {
    let program = with_mug(&json!({ "stock": 5, "limit": { "points": 50, "per": "program", "every": "ever" } }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 100)]);
    member.holds(&program, "2026-11-21", "r-1", "mug", 60).unwrap();
    let owner = program.rewards[0].cap_owner();
    let stock = CounterId::Stock("mug".parse().unwrap());
    let limit = CounterId::Cap { owner, from: regulars_domain::calendar::EVER };
    let reserved = |amount| Reserved {
        member: "m-1".parse().unwrap(),
        redemption: "r-1".parse().unwrap(),
        ends_at: at("2026-11-21T12:01"),
        amount,
    };
    let takes = |kept: [i64; 2]| {
        let ended = |amount, kept| CounterChange::Ended { reserved: reserved(amount), kept };
        vec![
            Take { counter: stock.clone(), change: ended(1, kept[0]), most: 5 },
            Take { counter: limit.clone(), change: ended(10, kept[1]), most: 50 },
        ]
    };
    let now = at("2026-11-21");
    let recorded = member.recorded("r-1");
    for (points, kept) in [(None, [1, 10]), (Some(4), [1, 4])] {
        let settled = member.settled(&program, now);
        let points = points.map(regulars_domain::points::Points::new);
        let posting = redemption::capture(settled, &request("c-1"), &recorded, points).unwrap();
        assert_eq!(posting.takes, takes(kept));
    }
    let posting = redemption::cancel(member.settled(&program, now), &request("c-1"), &recorded).unwrap();
    assert_eq!(posting.takes, takes([0, 0]));
    let posting = member.settled(&program, at("2026-11-22")).review().unwrap();
    assert_eq!(posting.takes, takes([0, 0]));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait { seconds: i64 },
    Redeem { who: usize },
    Hold { who: usize, seconds: i64 },
    Capture { which: usize, points: i64 },
    Cancel { which: usize },
    Undo { which: usize },
    Review { who: usize },
    Status { who: usize, status: NewStatus },
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0..MEMBERS;
    let status =
        prop_oneof![4 => Just(NewStatus::Active), 4 => Just(NewStatus::Suspended), 1 => Just(NewStatus::Closed)];
    prop_oneof![
        4 => prop_oneof![4 => 0..90_i64, 1 => 1_000..50_000_i64].prop_map(|seconds| Step::Wait { seconds }),
        4 => who().prop_map(|who| Step::Redeem { who }),
        6 => (who(), 1..90_i64).prop_map(|(who, seconds)| Step::Hold { who, seconds }),
        3 => (any::<usize>(), 1..=10_i64).prop_map(|(which, points)| Step::Capture { which, points }),
        2 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        2 => any::<usize>().prop_map(|which| Step::Undo { which }),
        1 => who().prop_map(|who| Step::Review { who }),
        1 => (who(), status).prop_map(|(who, status)| Step::Status { who, status }),
    ]
}

const MEMBERS: usize = 3;

/// A redemption as the test knows it: member, day, end of the hold if there is one, and the points taken permanently.
#[derive(Clone, Copy, Debug)]
struct Had {
    who: usize,
    day: i64,
    held_until: Option<Timestamp>,
    points: i64,
}

/// The limit per program of the reward, and whether it counts by day.
#[derive(Clone, Copy, Debug)]
struct Limit {
    most: i64,
    is_points: bool,
    is_daily: bool,
}

fn any_limit() -> impl Strategy<Value = Option<Limit>> {
    let limit = (1..6_i64, any::<bool>(), any::<bool>()).prop_map(|(times, is_points, is_daily)| Limit {
        most: if is_points { times * 7 } else { times },
        is_points,
        is_daily,
    });
    prop::option::of(limit)
}

struct Books {
    stock: i64,
    limit: Option<Limit>,
    had: Vec<Had>,
    status: [NewStatus; MEMBERS],
    now: Timestamp,
}

impl Books {
    /// Returns the day in the program's time zone.
    fn day(&self) -> i64 {
        (self.now.as_second() + 3 * 3_600) / 86_400
    }

    fn is_running(&self, had: &Had) -> bool {
        had.held_until.is_some_and(|end| end > self.now)
    }

    fn left(&self) -> i64 {
        let gone = self.had.iter().filter(|had| had.points > 0 || self.is_running(had)).count();
        self.stock - i64::try_from(gone).unwrap()
    }

    fn can_redeem(&self, who: usize) -> bool {
        let is_within = self.limit.is_none_or(|limit| {
            let counted = self.had.iter().filter(|had| !limit.is_daily || had.day == self.day());
            let used: i64 = counted
                .map(|had| match (had.points > 0, self.is_running(had)) {
                    (false, false) => 0,
                    _ if !limit.is_points => 1,
                    (false, true) => 10,
                    (true, _) => had.points,
                })
                .sum();
            limit.most - used >= if limit.is_points { 10 } else { 1 }
        });
        self.status[who] == NewStatus::Active && self.left() > 0 && is_within
    }
}

proptest! {
    #![proptest_config(crate::cases::cases(150))]

    /// At every instant, the stock left is what was neither taken permanently nor is reserved by a running hold, for
    /// every member, and a member gets exactly what the catalogue shows.
    #[test]
    fn the_catalogue_shows_what_is_left_and_it_can_be_redeemed(
        stock in 1..5_i64, limit in any_limit(), steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut fields = json!({ "stock": stock });
        if let Some(limit) = limit {
            let unit = if limit.is_points { "points" } else { "times" };
            let every = if limit.is_daily { "day" } else { "ever" };
            fields["limit"] = json!({ unit: limit.most, "per": "program", "every": every });
        }
        let program = with_mug(&fields);
        let mut shop = Shop::of(&program, MEMBERS);
        let mut books =
            Books { stock, limit, had: Vec::new(), status: [NewStatus::Active; MEMBERS], now: at("2026-11-21") };
        for step in steps {
            let now = books.now;
            let key = format!("e-{}", shop.members.iter().map(|member| member.ledger.len()).sum::<usize>());
            match step {
                Step::Wait { seconds } => books.now += SignedDuration::from_secs(seconds),
                Step::Redeem { who } => {
                    let can = books.can_redeem(who);
                    let redeemed = shop.redeems(who, now, &format!("r-{}", books.had.len()));
                    prop_assert_eq!(redeemed.is_ok(), can, "{:?}", redeemed);
                    // A position for refused ones too, so that each has its own key.
                    let points = if can { 10 } else { 0 };
                    books.had.push(Had { who, day: books.day(), held_until: None, points });
                }
                Step::Hold { who, seconds } => {
                    let can = books.can_redeem(who);
                    let held = shop.holds(who, now, &format!("r-{}", books.had.len()), seconds);
                    let end = now + SignedDuration::from_secs(seconds);
                    let is_full = held == Err(RedeemRefusal::HoldsFull);
                    prop_assert!(held.is_ok() == can || is_full, "{:?}", held);
                    let held_until = held.is_ok().then_some(end);
                    books.had.push(Had { who, day: books.day(), held_until, points: 0 });
                }
                Step::Capture { which, .. } | Step::Cancel { which } => {
                    let Some(place) = which.checked_rem(books.had.len()) else { continue };
                    let had = books.had[place];
                    if had.held_until.is_none() || had.points > 0 {
                        continue;
                    }
                    let runs = books.is_running(&had);
                    let redemption = format!("r-{place}");
                    if let Step::Capture { points, .. } = step {
                        let can = runs && books.status[had.who] == NewStatus::Active;
                        let done = shop.act(had.who, |member, program| {
                            member.captures(program, now, &key, &redemption, Some(points)).map(drop)
                        });
                        prop_assert_eq!(done.is_ok(), can, "{:?}", done);
                        if can {
                            books.had[place] = Had { points, held_until: None, ..had };
                        }
                    } else {
                        let can = runs && books.status[had.who] != NewStatus::Closed;
                        let done = shop.act(had.who, |member, program| {
                            member.cancels(program, now, &key, &redemption).map(drop)
                        });
                        prop_assert_eq!(done.is_ok(), can, "{:?}", done);
                        if can {
                            books.had[place] = Had { held_until: None, ..had };
                        }
                    }
                }
                Step::Undo { which } => {
                    let Some(place) = which.checked_rem(books.had.len()) else { continue };
                    let had = books.had[place];
                    if had.points == 0 || books.status[had.who] == NewStatus::Closed {
                        continue;
                    }
                    shop.act(had.who, |member, program| {
                        let settled = member.settled(program, now);
                        let recorded = member.recorded(&format!("r-{place}"));
                        let undone = redemption::reverse(settled, &request(&key), &recorded, None, Part::Rest, true);
                        member.commit(undone.unwrap());
                    });
                    books.had[place] = Had { points: 0, ..had };
                }
                Step::Review { who } => drop(shop.act(who, |member, program| member.reviewed(program, now))),
                Step::Status { who, status } => {
                    shop.change(who, now, status);
                    if books.status[who] != NewStatus::Closed {
                        books.status[who] = status;
                    }
                }
            }
            for who in 0..MEMBERS {
                let told = shop.catalogue(who, books.now);
                prop_assert_eq!(told, (Some(books.left()), books.can_redeem(who)), "{:?} {:?}", step, &books.had);
            }
        }
    }
}
