//! Compares the quote of a purchase with the points that it then earns.

use jiff::SignedDuration;
use regulars_domain::{counter::Counters, earn::earn, entry::Entry, posting::Unposted, referral::Referrer};
use serde_json::json;

use crate::{
    lives::Life,
    world::{Member, changes, line, purchase, request},
};

pub(super) fn check(life: &Life, member: &Member) {
    for (n, (cents, hours_late)) in
        [(0, 0), (1_250, 0), (17_500, 0), (9_999, 30), (9_999, 1_300)].into_iter().enumerate()
    {
        let made = life.now.checked_sub(SignedDuration::from_hours(hours_late)).unwrap();
        let occasion = purchase(&made.to_string(), json!(cents));
        // A quote reads the whole of each counter that the rules of that time may need.
        let settled = member.clone().settled(&life.rulebook, life.now);
        let then = settled.rules_at(made).unwrap();
        let needed = then.earning_counters(&occasion);
        let counters: Counters = needed.iter().map(|id| (id.clone(), member.totals.whole(id))).collect();
        let quoted = earn(settled.clone(), &request("quote"), &occasion, then, &counters, Referrer::Gone);
        let quoted = quoted.map_err(|unposted| match unposted {
            Unposted::Refused(refusal) => refusal,
            Unposted::Needs(needed) => panic!("a quote needs {needed:?} too"),
        });
        let mut member = member.clone();
        let done = member.earns_at(&life.rulebook, life.now, &format!("quoted-{n}"), &occasion);
        match (quoted, done) {
            (Ok(quoted), Ok(entry)) => {
                let sealed = quoted.own.entries.iter().find(|sealed| sealed.entry.id.as_str() == "quote").unwrap();
                let gist = |entry: &Entry| {
                    let lines: Vec<_> = entry.breakdown().iter().map(line).collect();
                    (
                        changes(entry),
                        lines,
                        entry.expires_on(),
                        entry.program_version,
                        entry.effects.tier_change.clone(),
                    )
                };
                assert_eq!(gist(&sealed.entry), gist(&entry), "quoted (left) for {occasion:?}");
                assert_eq!(quoted.own.account.lots, member.account.lots);
                assert_eq!(quoted.own.account.tier, member.account.tier);
            }
            (quoted, done) => assert_eq!(quoted.map(|_| ()), done.map(|_| ()), "quoted (left) for {occasion:?}"),
        }
    }
}
