//! The refresh transaction across processes, kills, pauses and networks, at our own server and at others'.

mod audiences;
mod change;
mod end;
mod fork;
mod kill;
mod network;
mod pause;
mod peers_facts;
mod peers_kill;
mod peers_race;
mod peers_revoked;
mod race;
