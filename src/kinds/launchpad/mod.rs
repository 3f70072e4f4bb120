//! Kinds of spaces of Dataiku Cloud.

mod group;
mod invites;
mod lists;
mod space;

pub use self::{
    group::Group,
    lists::{Need, Person, SpaceLists},
    space::Sweep,
};
