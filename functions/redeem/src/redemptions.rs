//! `POST /members/{member}/redemptions`: spends or holds points for a reward, exactly once per key.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::{Redeemed, Redemption},
};
use regulars_application::{codes, command::Undecided, engine::Engine};
use regulars_domain::redeem::{self, Redeem};

pub(crate) async fn redeem(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Redemption>>>,
) -> Result<Answer<Redeemed, Once>, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("redemption", body.value())?;
    let wish = Redeem::from(body.object()?);
    let mut subject = params.subject(engine).await?;
    let program = subject.program()?;
    let needs = codes::needs(program, &wish.reward, subject.now);
    let made = codes::made_for(program, &wish.reward)?;
    let done = engine
        .act_in_steps(&mut subject, &needs, &keyed, deadline, |_, settled, found| {
            let code = made.as_ref().or(found.code(&wish.reward));
            redeem::redeem(settled, &keyed, &wish, &found.counters, code).map_err(Undecided::from)
        })
        .await?;
    let settled = engine.settled(&subject, done.account)?;
    let redeemed = Redeemed::new(done.entry.as_ref(), done.entry.as_ref(), &settled);
    Ok(Answer::once(&redeemed, done.replayed))
}
