//! D16 to D21, D33 and D48 to D50: directories, base images, and the long tasks that they start.

use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;
use crate::{directory, future};

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    writes(
        "D16",
        Post,
        "/admin/users/{login}/actions/resync",
        Right::Admin,
        directory::resync_one,
    ),
    writes(
        "D17",
        Post,
        "/admin/users/actions/resync-multi",
        Right::Admin,
        directory::resync_all_or_some,
    )
    .without_body("D18"),
    reads(
        "D19",
        Get,
        "/admin/external-groups",
        Right::Admin,
        directory::external_groups,
    ),
    reads(
        "D20",
        Get,
        "/admin/external-users",
        Right::Admin,
        directory::external_users,
    ),
    writes(
        "D21",
        Post,
        "/admin/users/actions/provision",
        Right::Admin,
        directory::provision_users,
    ),
    writes(
        "D33",
        Post,
        "/admin/container-exec/actions/push-base-images",
        Right::Admin,
        push_base_images,
    ),
    reads("D48", Get, "/futures", Right::Authenticated, future::list),
    reads("D49", Get, "/futures/{jobId}", Right::Authenticated, future::get),
    writes("D50", Delete, "/futures/{jobId}", Right::Authenticated, future::abort),
];

fn push_base_images(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    if world.switches.is("A32", "direct") {
        let messages = future::no_messages();
        return Ok(Answer::json(&json!({"messages": messages})));
    }
    future::start(world, call, "Push base images", future::Work::PushBaseImages)
}
