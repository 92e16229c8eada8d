//! The process that holds the table: the whole local system, with a member of each kind created through its handlers.

use std::io::{Read, stdin};

use regulars_tests::system::{System, coffee_shop, purchase_at};
use serde_json::json;

/// A bronze member with one change at the end of 2027: a lot expires.
pub(crate) const ONE_CHANGE: &str = "one-change";
/// A silver member whose lot expires and whose tier ends on the same day.
pub(crate) const TWO_CHANGES: &str = "two-changes";
/// A member who is due on another day.
pub(crate) const NOT_DUE: &str = "not-due";

/// Prints the table's address and holds the table until the input of this process ends.
pub(crate) fn hold() {
    let mut program = coffee_shop();
    // So that a tier ends with its year, on the day on which points expire.
    program["tiers"]["grace_days"] = json!(0);
    // A notice would be an additional change on some days.
    program["points"]["expiry_notice_days"] = json!(0);
    let system = System::with(&program, "2026-12-15T09:00:00Z").unproven();
    for (member, spent) in [(ONE_CHANGE, 1_000), (TWO_CHANGES, 42_000)] {
        system.enroll(member);
        system.accrue(member, "order-1", &purchase_at("2026-12-15T09:00:00Z", spent)).expect(201);
    }
    // Points of another month leave each member a review date, as most members have.
    system.move_clock("2027-02-10T09:00:00Z");
    system.enroll(NOT_DUE);
    for member in [ONE_CHANGE, TWO_CHANGES, NOT_DUE] {
        system.accrue(member, "order-2", &purchase_at("2027-02-10T09:00:00Z", 1_000)).expect(201);
    }
    println!("{}", system.table_url());
    stdin().read_to_end(&mut Vec::new()).unwrap();
}
