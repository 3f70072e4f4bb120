//! Entries at places of a shared document.
