"""The two APIs that the platform runs on, Nomad's and Consul's, with no knowledge of Pryv or of our model.

`options` reads NOMAD_* and CONSUL_* variables, `nomad.Nomad` and `consul.Consul` are the clients. Importing these
modules is cheap: requests, python-nomad and py-consul are imported when a client is made.
"""
