//! Records that are damaged, disks that fail, places that others could change.

mod damage_crash;
mod damage_disk;
mod damage_namespaces;
mod damage_record;
mod damage_rollback;
mod damage_steps;
mod page;
mod places;
