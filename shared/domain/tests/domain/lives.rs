//! Random lives of a member under changing versions of a program, with a rival for the same rewards.

mod look;
mod step;

use jiff::{SignedDuration, Timestamp, civil::Date};
use regulars_domain::{
    calendar::{days_after, start_of},
    enroll::Enroll,
    entry::{By, Entry, Kind},
    redeem::Redeem,
    version_head::Differs,
};
use serde_json::json;

pub(crate) use self::{
    look::{Look, REWARDS, TiersLook, any_look},
    step::{Keeps, Step, any_step},
};
use crate::{
    rulebook::Succeeds,
    totals::Totals,
    world::{Member, Rulebook, at, entry_id, euro, program_of, purchase},
};

/// The versions of a program, the current time, and the member's purchases and redemptions.
pub(crate) struct Life {
    pub(crate) look: Look,
    pub(crate) rulebook: Rulebook,
    pub(crate) now: Timestamp,
    bought: Vec<(String, i64)>,
    redeemed: Vec<String>,
}

/// A member and a rival. They share the member's totals.
#[derive(Clone)]
pub(crate) struct People {
    pub(crate) member: Member,
    pub(crate) rival: Member,
}

impl Life {
    /// Starts a life under `look`, and enrolls its people.
    pub(crate) fn begin(look: Look) -> (Self, People) {
        let rulebook = program_of(&look.document());
        let begin = "2026-11-21";
        let member = Member::joins_with(&rulebook, begin, &json!({ "birthday": "1990-05-03" }));
        let wish = Enroll {
            program: "demo".parse().unwrap(),
            member: "m-2".parse().unwrap(),
            attributes: [].into(),
            aliases: Vec::new(),
            referred_by: None,
            freed_on: Vec::new(),
            salt: [7; 16].into(),
        };
        let rival = Member::joins_as(&rulebook, begin, &wish, Totals::default());
        (Self { look, rulebook, now: at(begin), bought: Vec::new(), redeemed: Vec::new() }, People { member, rival })
    }

    pub(crate) fn today(&self) -> Date {
        self.rulebook.date(self.now)
    }

    pub(crate) fn start_of(&self, day: Date) -> Timestamp {
        start_of(&self.rulebook.zone, day)
    }

    /// Advances the time, or publishes a version.
    pub(crate) fn go_on(&mut self, step: &Step) {
        if let Step::Wait { minutes } = step {
            self.now = self.now.checked_add(SignedDuration::from_mins(*minutes)).unwrap();
        }
        if let Step::Publish { look, keeps, corrects, at_midnight } = step {
            self.publish(look, *keeps, *corrects, *at_midnight);
        }
    }

    fn publish(&mut self, look: &Look, keeps: Keeps, corrects: bool, at_midnight: bool) {
        let (before, look) = (self.look.clone(), look.clone());
        let look = match keeps {
            Keeps::Period => {
                Look { tiers: TiersLook { period: before.tiers.period.clone(), ..look.tiers.clone() }, ..look }
            }
            Keeps::AllButLevels => {
                let TiersLook { silver, gold, gold_is_called, .. } = look.tiers;
                Look { tiers: TiersLook { silver, gold, gold_is_called, ..before.tiers.clone() }, ..before.clone() }
            }
            Keeps::Tiers => Look { tiers: before.tiers.clone(), ..look },
            Keeps::Nothing => look,
        };
        self.now = if at_midnight {
            self.start_of(days_after(self.today(), 1))
        } else {
            self.now.checked_add(SignedDuration::from_secs(1)).unwrap()
        };
        let names = [before.tiers.gold_is_called, look.tiers.gold_is_called];
        let renamed = [(names[0], names[1])];
        let corrects = Some(self.rulebook.version).filter(|_| corrects);
        let replaces = if names[0] == names[1] { &[][..] } else { &renamed };
        self.rulebook = self.rulebook.succeeded(self.now, &look.document(), Succeeds { corrects, replaces });
        self.look = look;
    }

    /// Records the purchase or redemption of a successful step under `key`.
    pub(crate) fn note(&mut self, step: &Step, key: &str) {
        if let Step::Buy { cents, .. } = step {
            self.bought.push((key.to_owned(), *cents));
        }
        if let Step::Redeem { .. } = step {
            self.redeemed.push(key.to_owned());
        }
    }
}

fn one_of<T: Clone>(all: &[T], which: usize) -> Option<T> {
    which.checked_rem(all.len()).map(|place| all[place].clone())
}

/// Returns a request to redeem a reward, with the minimum amount of money if it costs points per money.
pub(crate) fn wish(reward: &str, hold_seconds: Option<i64>) -> Redeem {
    Redeem { reward: reward.parse().unwrap(), money: (reward == "off").then(|| euro(1)), hold_seconds }
}

impl People {
    /// Executes a step, and returns its result as text.
    pub(crate) fn act(&mut self, life: &Life, step: &Step, key: &str) -> String {
        let (rules, now) = (&life.rulebook, life.now);
        let told = |entry: Entry| format!("{:?} {}", entry.kind(), entry.points());
        let (member, nothing) = (&mut self.member, String::new());
        match step {
            Step::Wait { .. } | Step::Publish { .. } => nothing,
            Step::Buy { cents, hours_late } => {
                let made = now.checked_sub(SignedDuration::from_hours(*hours_late)).unwrap();
                let occasion = purchase(&made.to_string(), json!(cents));
                format!("{:?}", member.earns_at(rules, now, key, &occasion).map(told))
            }
            Step::Confirm { which } => one_of(&life.bought, *which)
                .map_or(nothing, |(accrual, _)| format!("{:?}", member.confirms(rules, now, key, &accrual).map(told))),
            Step::Refund { which, permille } => one_of(&life.bought, *which).map_or(nothing, |(accrual, cents)| {
                let total = euro(cents * permille / 1000);
                format!("{:?}", member.reverses(rules, now, key, &accrual, Some(total)).map(told))
            }),
            Step::Redeem { reward, hold } => {
                format!("{:?}", member.redeems_or_holds(rules, now, key, &wish(REWARDS[*reward], *hold)).map(told))
            }
            Step::Capture { which } => one_of(&life.redeemed, *which).map_or(nothing, |redemption| {
                format!("{:?}", member.captures(rules, now, key, &redemption, None).map(told))
            }),
            Step::Cancel { which } => one_of(&life.redeemed, *which)
                .map_or(nothing, |redemption| format!("{:?}", member.cancels(rules, now, key, &redemption).map(told))),
            Step::Adjust { points } => format!("{:?}", member.adjusts(rules, now, key, *points).map(told)),
            Step::Give { level, days } => {
                let until = days_after(rules.date(now), *days).to_string();
                member.is_given(rules, now, life.look.levels()[*level], &until);
                nothing
            }
            Step::TakePlan { replaces: false } => {
                format!("{:?}", member.takes_plan(rules, now, key, "plus").map(told))
            }
            Step::TakePlan { replaces: true } => {
                format!("{:?}", member.replaces_plan(rules, now, key, "plus").map(told))
            }
            Step::EndPlan => format!("{:?}", member.ends_plan(rules, now).map(|_| ())),
            Step::Rival { hold } => {
                let rival = &mut self.rival;
                rival.totals = member.totals.clone();
                rival.adjusts(rules, now, &format!("{key}-points"), 10).unwrap();
                let done = rival.redeems_or_holds(rules, now, key, &wish("mug", *hold)).map(told);
                member.totals = rival.totals.clone();
                format!("{done:?}")
            }
        }
    }
}

/// Returns the content of a ledger, without the time of posting and without notices, which are omitted after the
/// expiry.
pub(crate) fn told(member: &Member, rulebook: &Rulebook) -> Vec<Entry> {
    let entries = member.ledger.iter().map(|sealed| sealed.entry.clone());
    let entries = entries.filter(|entry| !matches!(entry.kind(), Kind::Notice | Kind::TierNotice | Kind::Change));
    // Settling need not know of a version that changes nothing over time, so an entry of the engine may name the one before it.
    let versions = rulebook.versions();
    let over_time = |version: u64| {
        let heads = versions.heads().iter().filter(|head| head.version <= version && head.differs != Differs::Nothing);
        heads.map(|head| head.version).max().unwrap_or_default()
    };
    let plain = |entry: Entry| {
        let entry = if entry.by == By::Engine {
            let settled_under = entry.settled_under.map(over_time);
            Entry { program_version: over_time(entry.program_version), settled_under, ..entry }
        } else {
            entry
        };
        let id = if entry.id.as_str().starts_with('~') { entry_id("~") } else { entry.id.clone() };
        Entry { seq: 0, posted_at: Timestamp::MIN, id, refers_to: None, ..entry }
    };
    entries.map(plain).collect()
}
