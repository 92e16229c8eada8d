//! The worst purchase, priced under the maximum number of accepted rules with one condition.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use jiff::Timestamp;
use regulars_domain::{
    KeyedRequest,
    account::Account,
    counter::Counters,
    earn::earn,
    enroll::{Enroll, enroll},
    entry::By,
    fingerprint::Content,
    occasion::Occasion,
    program::{Program, RULES_WORK_MAX},
    purchase::LINES_MAX,
    referral::Referrer,
    settle::{Settlement, settle},
    version_head::{Differs, VersionHead},
    versions::Versions,
};
use serde_json::{Value, json};

/// The measurements of a condition.
pub(crate) struct Measured {
    /// The number of accepted rules with it, 200 at most.
    pub(crate) rules: usize,
    /// Counted work of one evaluation.
    pub(crate) units: u64,
    /// Counted work of the purchase.
    pub(crate) work: u64,
    /// Reading and checking the document.
    pub(crate) read: Duration,
    /// Pricing the purchase.
    pub(crate) priced: Duration,
}

impl Measured {
    pub(crate) fn picoseconds_per_unit(&self) -> u128 {
        self.priced.as_nanos() * 1_000 / u128::from(self.work.max(1))
    }
}

fn document(condition: &str, rules: usize) -> Value {
    let rule = |number| json!({ "id": format!("r-{number}"), "on": "purchase", "when": condition, "give": { "fixed": { "points": 1 } } });
    json!({
        "name": "Worst", "time_zone": "Europe/Istanbul", "currency": "EUR",
        "earning_rules": (0..rules).map(rule).collect::<Vec<_>>(),
        "attributes": [{ "id": "a", "type": "string" }, { "id": "b", "type": "string" }, { "id": "day", "type": "date" },
                       { "id": "n", "type": "integer" }, { "id": "t", "type": "boolean" }],
    })
}

/// Returns a text of four-byte characters, of which only the last one is `last`.
fn wide(length: usize, last: char) -> String {
    let mut text = "\u{1f9e8}".repeat(length - 1);
    text.push(last);
    text
}

/// Returns the purchase with the most lines and the longest texts, which differ in their last characters only.
fn purchase(now: Timestamp) -> Occasion {
    let (sku, category) = (wide(64, '\u{1f9e9}'), wide(64, '\u{1f9e8}'));
    let line = json!({ "sku": sku, "category": category, "quantity": 10_000, "amount": 999_999_999 });
    let purchase = json!({
        "occurred_at": now, "total": { "amount": 999_999_999_999_i64, "currency": "EUR" },
        "channel": sku, "store": category, "lines": vec![line; LINES_MAX],
    });
    Occasion::Purchase(serde_json::from_value(purchase).unwrap())
}

/// Returns the CPU time of this thread, as measured by Linux.
fn core_time() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split_whitespace().next().unwrap().parse().unwrap())
}

fn request(key: &str) -> KeyedRequest {
    let content = Content::of("bench", &Value::Null);
    KeyedRequest { entry: key.parse().unwrap(), content, by: By::Operator, actor: None }
}

fn member(program: &Program, versions: &Versions, now: Timestamp) -> Account {
    let given =
        json!({ "a": wide(100, '\u{1f9e9}'), "b": wide(100, '\u{1f9e8}'), "day": "1990-05-03", "n": 7, "t": true });
    let attributes = program.read_attributes(&serde_json::from_value(given).unwrap()).unwrap();
    let wish = Enroll {
        program: "demo".parse().unwrap(),
        member: "m-1".parse().unwrap(),
        attributes: attributes.into_iter().filter_map(|(id, value)| Some((id, value?))).collect(),
        aliases: Vec::new(),
        referred_by: None,
        freed_on: Vec::new(),
        salt: [7; 16].into(),
    };
    enroll(versions, wish, &request("~enrollment"), &Counters::default(), now).unwrap().own.account
}

/// Prices the worst purchase under the maximum number of accepted rules of `condition`, at most `rules_max`; returns
/// the shortest of `times` measurements, or why not even one is accepted.
pub(crate) fn measure(condition: &str, rules_max: usize, times: usize) -> Result<Measured, String> {
    let alone = match Program::read(&document(condition, 1), 1) {
        Ok(program) => program.rules_work().max(1),
        Err(problems) => {
            let problem = problems.first().unwrap();
            assert_eq!(
                (problem.code, problem.at.as_str()),
                ("expression_too_costly", "/earning_rules/0/when"),
                "{condition}"
            );
            return Err(problem.message.clone());
        }
    };
    let rules = usize::try_from(RULES_WORK_MAX / alone).unwrap().min(rules_max);
    let document = document(condition, rules);
    let begun = core_time();
    let program = Program::read(&document, 1).unwrap_or_else(|problems| panic!("{condition}\n{problems:#?}"));
    let read = core_time().saturating_sub(begun);
    let work = program.rules_work();
    let program = Arc::new(program);
    let head = VersionHead {
        version: 1,
        in_force_from: Timestamp::MIN,
        published_at: Timestamp::MIN,
        actor: None,
        differs: Differs::Nothing,
        backdating_days_max: 30,
        corrects: None,
        replaces: Vec::new(),
    };
    let versions = Versions::new([head].into(), BTreeMap::from([(1, Arc::clone(&program))]));
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let account = member(&program, &versions, now);
    let purchase = purchase(now);
    let priced = (0..times).map(|_| {
        let Settlement::Current(settled) = settle(&versions, account.clone(), now) else { panic!("settled") };
        let begun = core_time();
        let posting =
            earn(*settled, &request("order-1"), &purchase, &program, &Counters::default(), Referrer::Gone).unwrap();
        let priced = core_time().saturating_sub(begun);
        let entry = &posting.own.entries.first().unwrap().entry;
        assert!(entry.breakdown().iter().all(|line| line.fault.as_deref() != Some("too_costly")), "{condition}");
        priced
    });
    let priced = priced.min().unwrap();
    Ok(Measured { rules, units: alone / u64::try_from(LINES_MAX).unwrap(), work, read, priced })
}
