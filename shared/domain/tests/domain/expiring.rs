//! The last day of points, and when it ends: by each policy, across daylight saving, month ends, leap days.

use jiff::Timestamp;
use regulars_domain::entry::Kind;
use serde_json::{Value, json};

use crate::world::{Member, document, on, program_of, purchase};

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";

fn after(months: i64, rounded_to: &str) -> Value {
    json!({ "after_months": months, "rounded_to": rounded_to })
}

fn fixed(days: &[&str]) -> Value {
    json!({ "fixed_dates": days })
}

fn inactivity(months: i64) -> Value {
    json!({ "inactivity_months": months })
}

#[test]
fn points_live_to_the_last_second_of_the_day_that_the_policy_names() {
    // In 2027 clocks in Berlin change on 28 March and 31 October, those in New York on 14 March and 7 November.
    for (zone, policy, bought_at, expires_on, over_at) in [
        (BERLIN, after(1, "exact_day"), "2027-02-28T22:30:00Z", "2027-03-28", "2027-03-28T22:00:00Z"),
        (BERLIN, after(1, "exact_day"), "2027-02-28T23:00:00Z", "2027-04-01", "2027-04-01T22:00:00Z"),
        (BERLIN, after(1, "exact_day"), "2027-09-30T21:59:59Z", "2027-10-30", "2027-10-30T22:00:00Z"),
        (BERLIN, after(1, "exact_day"), "2027-09-30T22:00:00Z", "2027-11-01", "2027-11-01T23:00:00Z"),
        (BERLIN, after(1, "exact_day"), "2027-01-31T12:00:00Z", "2027-02-28", "2027-02-28T23:00:00Z"),
        (BERLIN, after(1, "exact_day"), "2028-01-31T12:00:00Z", "2028-02-29", "2028-02-29T23:00:00Z"),
        (BERLIN, after(12, "exact_day"), "2028-02-29T12:00:00Z", "2029-02-28", "2029-02-28T23:00:00Z"),
        (BERLIN, after(48, "exact_day"), "2028-02-29T12:00:00Z", "2032-02-29", "2032-02-29T23:00:00Z"),
        (BERLIN, after(1, "end_of_month"), "2027-09-15T12:00:00Z", "2027-10-31", "2027-10-31T23:00:00Z"),
        (BERLIN, after(1, "end_of_month"), "2028-01-31T12:00:00Z", "2028-02-29", "2028-02-29T23:00:00Z"),
        (BERLIN, after(3, "end_of_quarter"), "2027-12-31T22:59:59Z", "2028-03-31", "2028-03-31T22:00:00Z"),
        (BERLIN, after(3, "end_of_quarter"), "2027-12-31T23:00:00Z", "2028-06-30", "2028-06-30T22:00:00Z"),
        (BERLIN, after(1, "end_of_quarter"), "2027-08-31T12:00:00Z", "2027-09-30", "2027-09-30T22:00:00Z"),
        (BERLIN, fixed(&["03-28", "10-31"]), "2027-03-27T22:59:59Z", "2027-03-28", "2027-03-28T22:00:00Z"),
        (BERLIN, fixed(&["03-28", "10-31"]), "2027-03-27T23:00:00Z", "2027-10-31", "2027-10-31T23:00:00Z"),
        (BERLIN, fixed(&["02-29"]), "2027-11-21T12:00:00Z", "2028-02-29", "2028-02-29T23:00:00Z"),
        (BERLIN, fixed(&["02-29"]), "2028-02-29T12:00:00Z", "2029-02-28", "2029-02-28T23:00:00Z"),
        (BERLIN, inactivity(1), "2027-02-28T22:30:00Z", "2027-03-28", "2027-03-28T22:00:00Z"),
        (BERLIN, inactivity(12), "2028-02-29T12:00:00Z", "2029-02-28", "2029-02-28T23:00:00Z"),
        (NEW_YORK, after(1, "exact_day"), "2027-02-15T04:30:00Z", "2027-03-14", "2027-03-15T04:00:00Z"),
        (NEW_YORK, after(1, "exact_day"), "2027-10-07T12:00:00Z", "2027-11-07", "2027-11-08T05:00:00Z"),
        // Half past one is twice on that day, and both times it is that day.
        (NEW_YORK, after(3, "end_of_quarter"), "2027-11-07T05:30:00Z", "2028-03-31", "2028-04-01T04:00:00Z"),
        (NEW_YORK, after(3, "end_of_quarter"), "2027-11-07T06:30:00Z", "2028-03-31", "2028-04-01T04:00:00Z"),
        (NEW_YORK, after(12, "end_of_year"), "2028-01-01T04:59:59Z", "2028-12-31", "2029-01-01T05:00:00Z"),
        (NEW_YORK, after(12, "end_of_year"), "2028-01-01T05:00:00Z", "2029-12-31", "2030-01-01T05:00:00Z"),
        (NEW_YORK, fixed(&["11-07"]), "2027-11-07T03:59:59Z", "2027-11-07", "2027-11-08T05:00:00Z"),
        (NEW_YORK, fixed(&["11-07"]), "2027-11-07T04:00:00Z", "2028-11-07", "2028-11-08T05:00:00Z"),
        (NEW_YORK, inactivity(1), "2027-02-15T04:30:00Z", "2027-03-14", "2027-03-15T04:00:00Z"),
    ] {
        let mut document = document(json!({
            "points": { "expiry": policy, "expiry_notice_days": 0 },
            "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        }));
        document["time_zone"] = json!(zone);
        let program = program_of(&document);
        let mut member = Member::joins(&program, "2027-01-01");
        let entry = member.earns(&program, "order-1", &purchase(bought_at, json!(100))).unwrap();
        assert_eq!(entry.expires_on(), Some(on(expires_on)), "{policy} in {zone} from {bought_at}");
        let over_at: Timestamp = over_at.parse().unwrap();
        let last = over_at.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
        assert_eq!(member.reviewed(&program, last), [], "{policy} in {zone} from {bought_at}");
        let over = member.reviewed(&program, over_at);
        let told: Vec<_> = over.iter().map(|entry| (entry.kind(), entry.points().get(), entry.occurred_at)).collect();
        assert_eq!(told, [(Kind::Expiry, -100, over_at)], "{policy} in {zone} from {bought_at}");
    }
}
