//! The cost of enrollment, and of commands on two members.

use super::*;

#[test]
fn an_enrollment_writes_the_account_its_first_entry_its_review_and_each_alias() {
    let system = ordinary();
    let members = "/v1/programs/demo/members";
    let body = json!({ "member": "m-2" });
    let measured = measure(&system, "an enrollment", 201, ("enroll", "POST", members, "-", &body));
    // Two units for the account, two for the entry, one for each of their indexes.
    assert_eq!((measured.round_trips, measured.write_half_units), (2, 12));
    let body = json!({ "member": "m-3", "aliases": [{ "kind": "email", "value": "a@b.c" }] });
    let measured = measure(&system, "an enrollment with an alias", 201, ("enroll", "POST", members, "-", &body));
    assert_eq!((measured.round_trips, measured.write_half_units), (2, 16));
}

#[test]
fn what_two_members_have_to_do_with_each_other_costs_what_the_two_cost() {
    let system = ordinary();
    system.enroll("m-2");
    let friend = json!({ "member": "m-3", "referred_by": "m-1" });
    system.client.post("/v1/programs/demo/members", &friend).expect(201);
    let path = format!("{}/transfers", member("m-1"));
    let body = json!({ "to": "m-2", "points": 30 });
    let request = ("program", "POST", path.as_str(), "t-1", &body);
    // The two accounts are read concurrently.
    assert_eq!(measure(&system, "a transfer", 201, request), cost(3, 2, 10));
    let path = format!("{}/accruals", member("m-3"));
    let body = purchase(1_000);
    let request = ("earn", "POST", path.as_str(), "order-1", &body);
    // The second account is read once the first one names it.
    assert_eq!(measure(&system, "an accrual that pays for a referral", 201, request), cost(3, 2, 10));
    let request = ("earn", "POST", path.as_str(), "order-2", &body);
    assert_eq!(measure(&system, "the friend's next accrual", 201, request), cost(2, 1, 5));
}
