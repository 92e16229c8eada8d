//! Sends the purchases of a file over HTTP day by day, moves the clock along, and audits the result.

use std::collections::{BTreeMap, BTreeSet};

use regulars_cli::local::{Data, Options};
use serde_json::{Value, json};
use ureq::{Agent, http::Response};

use crate::{
    returns::Return,
    tally::{Expected, PROGRAM, Purchase, tally},
};

/// The result of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Purchases in the file.
    pub purchases: usize,
    /// Members among them.
    pub members: usize,
    /// Entries in all ledgers.
    pub entries: usize,
    /// Points given.
    pub issued: u64,
    /// Returns.
    pub returns: usize,
    /// Points deducted by returns.
    pub reversed: u64,
    /// Points expired.
    pub expired: u64,
    /// Expiry notices.
    pub notices: usize,
    /// Spendable points.
    pub outstanding: u64,
    /// Members by tier.
    pub tiers: BTreeMap<String, usize>,
}

/// Replays `purchases` and their returns from the first day on, reviews everything on `today`, audits every member,
/// replays everything once more and audits that nothing changed.
///
/// # Panics
///
/// Something differs from the independent calculation.
pub async fn replay(purchases: Vec<Purchase>, returns: Vec<Return>, today: &'static str) -> Report {
    let first_day = purchases.first().map(|purchase| midnight(&purchase.occurred_on)).expect("a purchase");
    let options = Options {
        port: 0,
        data: Data::Memory,
        program: None,
        publish: false,
        clock_at: first_day.parse().ok(),
        auth: None,
    };
    let running = regulars_cli::local::start(options).await.expect("the local server starts");
    let driver = Driver::new(running.url());
    let expected = tally(&purchases, &returns, today);

    // The driver waits for answers, so it needs a thread of its own.
    let driver = in_thread(move || {
        driver.publish();
        driver.send(&purchases, &returns, true, 201);
        driver.review(today);
        (driver, purchases, returns)
    })
    .await;
    let (driver, purchases, returns) = driver;
    let (driver, before, report) = {
        let expected = expected.clone();
        in_thread(move || {
            let (state, report) = driver.audit(&expected);
            (driver, state, report)
        })
        .await
    };
    let engine = running.engine();
    let faults = regulars_cli::ledger::faults(&engine.store, &engine.programs).await.expect("the table can be read");
    assert_eq!(faults, Vec::<String>::new(), "each ledger makes its account");
    in_thread(move || {
        driver.send(&purchases, &returns, false, 200);
        let (after, _) = driver.audit(&expected);
        assert_eq!(before, after, "a second replay changes nothing");
    })
    .await;
    running.stop().await;
    report
}

async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the driver ends")
}

fn midnight(day: &str) -> String {
    format!("{day}T00:00:00Z")
}

/// A till.
struct Driver {
    agent: Agent,
    url: String,
}

impl Driver {
    fn new(url: &str) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { agent, url: url.to_owned() }
    }

    fn publish(&self) {
        let answer = self
            .agent
            .put(format!("{}/v1/programs/replay", self.url))
            .header("Content-Type", "application/json")
            .header("If-None-Match", "*")
            .send(PROGRAM);
        assert_status(answer, 201);
    }

    /// Enrolls each member on the day of the first purchase, and sends every purchase and every return, moving the
    /// clock from day to day if `moving`. Each answer must have this status.
    fn send(&self, purchases: &[Purchase], returns: &[Return], moving: bool, status: u16) {
        let mut enrolled = BTreeSet::new();
        let mut today = "";
        let mut returns = returns.iter().peekable();
        for purchase in purchases {
            while let Some(returned) = returns.next_if(|returned| returned.came_on < purchase.occurred_on) {
                if moving && today != returned.came_on {
                    today = &returned.came_on;
                    self.move_clock(today);
                }
                self.bring_back(returned, status);
            }
            if moving && today != purchase.occurred_on {
                today = &purchase.occurred_on;
                self.move_clock(today);
            }
            if enrolled.insert(&purchase.member) {
                let body = json!({ "member": purchase.member });
                assert_status(self.post("/v1/programs/replay/members", "", &body), status);
            }
            let body = json!({ "purchase": {
                "occurred_at": midnight(&purchase.occurred_on),
                "total": { "amount": purchase.amount_minor, "currency": "USD" },
            } });
            let path = format!("/v1/programs/replay/members/{}/accruals", purchase.member);
            let answer = assert_status(self.post(&path, &purchase.order, &body), status);
            assert_eq!(answer["entry"]["id"], purchase.order);
        }
        for returned in returns {
            if moving && today != returned.came_on {
                today = &returned.came_on;
                self.move_clock(today);
            }
            self.bring_back(returned, status);
        }
    }

    /// Sends a return: every other one as the amount of this refund, the others as the total refunded so far.
    fn bring_back(&self, returned: &Return, status: u16) {
        let Return { key, purchase, refund, refunded, .. } = returned;
        let (field, amount) = if refund % 2 == 0 { ("refund", refund) } else { ("refunded_total", refunded) };
        let body = json!({ field: { "amount": amount, "currency": "USD" } });
        let path = format!("/v1/programs/replay/members/{}/accruals/{}/reversals", purchase.member, purchase.order);
        assert_status(self.post(&path, key, &body), status);
    }

    fn move_clock(&self, day: &str) {
        let answer = self
            .agent
            .put(format!("{}/local/clock", self.url))
            .header("Content-Type", "application/json")
            .send(json!({ "now": midnight(day) }).to_string());
        assert_status(answer, 200);
    }

    fn review(&self, day: &str) {
        self.move_clock(day);
        assert_status(self.post("/local/run/tier-evaluation", "", &json!({})), 200);
        let again = assert_status(self.post("/local/run/tier-evaluation", "", &json!({})), 200);
        assert_eq!(again["changed"], 0, "a second review changes nothing");
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Result<Response<ureq::Body>, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url)).header("Content-Type", "application/json");
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        request.send(body.to_string())
    }

    fn get(&self, path: &str) -> Value {
        assert_status(self.agent.get(format!("{}/v1/programs/replay/members/{path}", self.url)).call(), 200)
    }

    /// Compares every member with what is expected, and returns each account's version and newest hash.
    fn audit(&self, expected: &BTreeMap<String, Expected>) -> (BTreeMap<String, String>, Report) {
        let mut state = BTreeMap::new();
        let mut report = Report {
            purchases: 0,
            members: expected.len(),
            entries: 0,
            issued: 0,
            returns: 0,
            reversed: 0,
            expired: 0,
            notices: 0,
            outstanding: 0,
            tiers: BTreeMap::new(),
        };
        for (member, expected) in expected {
            let account = self.get(member);
            let entries = self.statement(member);
            let sum = |kind: &str| -> i64 {
                entries
                    .iter()
                    .filter(|entry| entry["kind"] == kind)
                    .map(|entry| entry["points"].as_i64().expect("a number"))
                    .sum()
            };
            let found = Expected {
                issued: unsigned(sum("accrual")),
                reversed: unsigned(-sum("accrual_reversal")),
                expired: unsigned(-sum("expiry")),
                balance: unsigned(account["balance"]["spendable"].as_i64().expect("a number")),
                purchases: entries.iter().filter(|entry| entry["kind"] == "accrual").count(),
                tier: expected.tier,
                notices: entries.iter().rev().filter_map(notice).collect(),
            };
            assert_eq!(found, *expected, "{member}");
            assert_eq!(account["tier"]["id"], expected.tier, "{member}");
            let all: i64 = entries.iter().map(|entry| entry["points"].as_i64().expect("a number")).sum();
            assert_eq!(unsigned(all), expected.balance, "{member}: the sum of entries is the balance");
            state.insert(member.clone(), format!("{} {}", account["version"], entries[0]["hash"]));
            report.purchases += expected.purchases;
            report.entries += entries.len();
            report.issued += expected.issued;
            report.returns += entries.iter().filter(|entry| entry["kind"] == "accrual_reversal").count();
            report.reversed += expected.reversed;
            report.expired += expected.expired;
            report.notices += expected.notices.len();
            report.outstanding += expected.balance;
            *report.tiers.entry(expected.tier.to_owned()).or_default() += 1;
        }
        (state, report)
    }

    /// Returns all entries, newest first.
    fn statement(&self, member: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut path = format!("{member}/entries?limit=100");
        loop {
            let page = self.get(&path);
            entries.extend(page["entries"].as_array().expect("a list").iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { return entries };
            path = format!("{member}/entries?limit=100&cursor={cursor}");
        }
    }
}

/// Returns the day of a notice, the last day of its points, and how many they are.
fn notice(entry: &Value) -> Option<(String, String, u64)> {
    let expiring = entry.get("expiring")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (occurred_at, on) = (text(&entry["occurred_at"])?, text(&expiring["on"])?);
    let day = occurred_at.strip_suffix("T00:00:00Z").expect("the first moment of a day");
    Some((day.to_owned(), on, expiring["points"].as_u64()?))
}

fn unsigned(points: i64) -> u64 {
    u64::try_from(points).expect("no balance is negative")
}

fn assert_status(answer: Result<Response<ureq::Body>, ureq::Error>, expected: u16) -> Value {
    let mut answer = answer.expect("the server answers");
    let text = answer.body_mut().read_to_string().expect("a body");
    assert_eq!(answer.status().as_u16(), expected, "{text}");
    serde_json::from_str(&text).expect("JSON")
}
