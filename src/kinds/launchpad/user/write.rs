//! Performs the writes for somebody.

use crate::{
    crd::LaunchpadSpace,
    dataiku::{launchpad::people::new_invite, permit::WritePermit},
    engine::{Error, Receipt, connect::Remote},
    kinds::launchpad::{
        bulk::{Ask, Write},
        invites::{Invites, InvitesApi, InvitesEdit},
        lists::Someone,
    },
};

use super::UserChange;

pub(super) async fn apply(
    remote: &Remote<LaunchpadSpace>,
    permit: WritePermit,
    seen: Option<&Someone>,
    change: &UserChange,
) -> Result<Receipt, Error> {
    let id = seen.map(|seen| seen.id().to_owned()).unwrap_or_default();
    let (email, write) = match change {
        UserChange::Invite {
            email,
            profile,
            trial,
            groups,
        } => (email, Write::Invite(new_invite(email, profile, *trial, groups))),
        UserChange::EditInvite(edited) => {
            let api = InvitesApi {
                api: remote.api.clone(),
                lists: remote.live.lists.clone(),
            };
            let edit = InvitesEdit::Fields {
                email: edited.email.clone(),
                edit: edited.edit.clone(),
            };
            let writer = remote.live.writers.of("invites", || Invites);
            writer.edit(&api, permit, edit).await?;
            return Ok(Receipt::default());
        }
        UserChange::EditUser(edited) => (&edited.email, Write::Edit(Some(edited.edit.clone()))),
        UserChange::Resubmit { email, .. } => (email, Write::Edit(None)),
        UserChange::DeleteInvite(email) => (email, Write::DeleteInvite),
        UserChange::DeleteUser(email) => (email, Write::DeleteUser),
    };
    let ask = Ask {
        email: email.clone(),
        id,
        write,
        permit,
    };
    remote.live.lists.write(&remote.api, ask).await
}
