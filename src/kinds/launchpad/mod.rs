//! Kinds of spaces of Dataiku Cloud.

mod group;
mod invites;
mod lists;
mod space;
#[cfg(test)]
mod tests;

pub use self::group::Group;
