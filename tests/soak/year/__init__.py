"""A simulated year of a company with six tenants, on a set clock.

plan        what happens: people's acts (`acts`), and when the tasks run (`runs`); from a seed
life        lets it happen: a real database, Azurite, a Twilio and a Stripe over sockets, two hosts
oracle      works out from the plan alone which messages, fees, marks and scores there must be; it
            imports nothing that decides in Belfry
verdict     compares, and says of each difference what was expected and why
breaks      breaks Belfry on purpose, to see that the verdict finds it
"""
