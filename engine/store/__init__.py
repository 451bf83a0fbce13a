"""Where events are kept: stored records, one table per partition, the stream directory, ownership, the writer's
lock. The only room that imports eventsourcing."""
