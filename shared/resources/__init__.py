"""What customers' tasks work on, by names of their own: webhooks, repositories, targets (C12).

model         pure: what a resource is
webhooks, repositories, targets
              pure: what each kind says
port          what tasks ask of them
"""
