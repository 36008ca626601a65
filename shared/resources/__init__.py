"""What customers' tasks work on, by names of their own: webhooks, repositories, targets (C12).

service       the only entry point: for people, and for tasks (as `port.ResourceService`)
changing      stores changes with their secrets, each as a whole; tells the audit
finding       finds resources, with the secrets that belong to them
ties, users   what names a resource: pairs, and schedules
checks        for tasks: whether what a schedule names is there
orphans       removes secrets that no row names
store, rows   how they are stored
wanted        pure: what a person wants -> what a resource is then
model, naming pure: what a resource is, and how it is named
webhooks, repositories, targets
              pure: what each kind says
port          what tasks ask of them
"""
