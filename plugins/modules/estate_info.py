#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_info
short_description: Build role inputs from the declared estate
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Validates the declared tenants and the groups of the inventory, and returns instances, databases, routes,
    certificates and PostgreSQL roles in the form in which the roles of this collection take them.
  - Runs on the controller and connects to no host. Returns every fault of the declaration at once, one sentence each.
  - The home of a tenant is the group that is recorded with the highest number in one of its databases, open or
    blocked; see O(placement). Without a placement it is the declared group.
extends_documentation_fragment:
  - gantry.odoo.attributes.controller
options:
  tenants:
    description:
      - The declared tenants.
      - Every value is converted to the documented type, as module options are; a message about a value names its path,
        such as C(odoo_tenants[0].routes[1].allow).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the tenant, its database and the DNS label of its host in a shared instance.
          - 1 to 40 lower-case letters, digits and hyphens, the first one a letter.
        type: str
        required: true
      tier:
        description: Tier of the tenant, which sets its backup and recovery policy.
        type: int
        choices: [1, 2, 3]
        default: 3
      tenancy:
        description: Whether the tenant has an Odoo instance of its own or uses the shared instance of its group.
        type: str
        choices: [shared, dedicated]
        default: shared
      addons:
        description: Addons to install.
        type: list
        elements: str
        default: []
      routes:
        description: Host names under which the tenant is reached. The first one is its base URL.
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description: Host name, in lower case.
            type: str
            required: true
          audience:
            description: Audience of the route.
            type: str
            choices: [public, partner, internal]
            default: public
          allow:
            description:
              - Networks in CIDR form that may use the route. Required for V(partner) and V(internal), refused for
                V(public).
            type: list
            elements: str
            default: []
          middlewares:
            description:
              - Names of Traefik's middlewares that requests of the route pass, as in
                O(gantry.odoo.traefik_route#module:routes[].middlewares). Each edge has to have them.
            type: list
            elements: str
            default: []
          security_headers:
            description:
              - What browsers are told, as in O(gantry.odoo.traefik_route#module:routes[].security_headers). By default,
                the preset of the audience.
            type: str
            choices: [public, partner, internal, minimal]
          rate_limit:
            description:
              - Limit for each client address, as in O(gantry.odoo.traefik_route#module:routes[].rate_limit).
            type: dict
            suboptions:
              average:
                description: Requests per second in the long run.
                type: int
                required: true
              burst:
                description: Requests at once. The same as the average by default.
                type: int
      runtime:
        description: Where the tenant is declared to run.
        type: dict
        required: true
        suboptions:
          group:
            description: Inventory group of the hosts that run the tenant.
            type: str
            required: true
      sticky:
        description:
          - Whether a browser stays with one host of Odoo, by a cookie. A patch gives its users time to leave the host
            then.
          - Hosts share sessions and files, so that Odoo does not need it.
        type: bool
        default: false
      canary:
        description:
          - Users who are sent to hosts with the variable C(odoo_canary), as in
            O(gantry.odoo.traefik_route#module:routes[].canary). Without it, no user of the tenant is sent there as long
            as another host serves.
        type: dict
        suboptions:
          percent:
            description: Share of new users, 0 to 99. More than 0 requires O(tenants[].sticky).
            type: int
            default: 0
          header:
            description: Header by which a request is sent there in any case.
            type: dict
            suboptions: &sent
              name:
                description: Its name.
                type: str
                required: true
              value:
                description: Its value.
                type: str
                required: true
          cookie:
            description: Cookie by which a request is sent there in any case.
            type: dict
            suboptions: *sent
      maintenance_page:
        description:
          - Words that users read while the tenant is under maintenance, as in
            O(gantry.odoo.traefik_route#module:routes[].maintenance_page).
        type: str
        default: ""
      language:
        description: Language of a new database.
        type: str
        default: en_US
      demo:
        description: Whether a new database gets demonstration data.
        type: bool
        default: false
      parameters:
        description: System parameters, by key. Numbers and truth values are written as Odoo writes them.
        type: dict
        default: {}
      http_port:
        description:
          - HTTP port of a dedicated instance, 1024 to 65532. The websocket port is 3 above.
          - If not set, the instance has the recorded port, and a new one the lowest of 8169, 8269 and so on that is
            free. Without a record it follows from the order of the dedicated tenants.
        type: int
      workers:
        description: Web workers of the instance. A shared instance has the highest number that a tenant asks for.
        type: int
        default: 2
      cron_threads:
        description: Cron threads of the instance. A shared instance has the highest number that a tenant asks for.
        type: int
        default: 1
      state:
        description:
          - V(decommissioned) says that the tenant leaves. It goes on, without being managed, until the playbook
            C(gantry.odoo.decommission) has blocked it.
        type: str
        choices: [present, decommissioned]
        default: present
      renamed_from:
        description:
          - Former name of the tenant. Its database is renamed with its files. It is an error where databases of both
            names are there, or of neither.
          - An instance of its own keeps its former name, its port and its PostgreSQL role. Backups under the former
            name stay where they are.
        type: str
      hold_until:
        description:
          - Date, such as V(2027-01-31), before which the database of a decommissioned tenant is not dropped. Required
            with V(decommissioned).
        type: raw
      keep_backups_until:
        description:
          - Date until which the policy of a decommissioned tenant goes on to keep its backups. If not set, for ever.
        type: raw
      backup:
        description:
          - Options of the backup policy of the tenant beside its tier, such as C(rpo_s), C(keep), C(classes), C(holds)
            and C(regions), as the option O(gantry.odoo.backup_policy#module:policies) takes it.
        type: dict
        default: {}
      warm_up:
        description:
          - Paths that a host is asked for before users of the tenant are sent to it, until all of its workers answer
            fast. A patch does not begin while one of them answers with an error. Nothing is asked where the list is
            empty.
        type: list
        elements: str
        default: [/web/login]
      certificate:
        description:
          - The certificate for the hosts of the tenant's routes. If not set, it has the name of the tenant, is for all
            of its hosts, and is validated by http-01.
        type: dict
        default: {}
        suboptions:
          name:
            description:
              - Name of the certificate. Tenants that give the same one, with the same options, share it.
            type: str
          domains:
            description:
              - DNS names in the certificate instead of the hosts, which they have to cover, such as
                V(*.harbour.example).
            type: list
            elements: str
          challenge:
            description:
              - Challenge by which the ACME server validates the names. V(dns-01) needs C(certificate_dns) or
                C(certificate_dns_hook) of role P(gantry.odoo.certificate#role), and is required for a wildcard.
            type: str
            choices: [http-01, dns-01]
          profile:
            description: Profile of the ACME server, such as V(shortlived). If not set, the server chooses.
            type: str
          preferred_chain:
            description: Common name of the root that the chain is to lead to, where the server has several.
            type: str
          key_type:
            description: Type of the key. If not set, V(ecdsa-p256).
            type: str
            choices: [ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096]
          reuse_key:
            description: Whether a renewal keeps the installed key, for clients that pin it.
            type: bool
          issuer:
            description:
              - The ACME server, the internal authority of role P(gantry.odoo.certificate#role), or you, who give the
                pair in C(certificate_given). It issues for all hosts of the tenant.
              - If not set, the internal authority issues for internal hosts in O(internal_zones), and the ACME server
                for the others.
            type: str
            choices: [acme, internal, given]
  runtime_groups:
    description:
      - Groups that run Odoo, also those that no tenant is declared on.
      - The hosts of such a group agree on the variables C(odoo_runtime) and C(odoo_database_server), the inventory name
        of their PostgreSQL server.
      - The hosts reach the server under the variable C(estate_database_host) of the server. If not set, this is
        C(localhost) where the server is the only host of the group, and its inventory name otherwise.
      - The edges speak HTTP with the hosts. A host whose address is one of the internet is refused, unless its variable
        C(estate_private_networks) lists the network, as others cannot read what is sent there.
      - A host with the variable C(odoo_drained) gets no user. Where all hosts of a group have it, its tenants are under
        maintenance.
      - A host with the variable C(odoo_canary) gets the users of O(tenants[].canary) alone, and no websockets, as long
        as another host of its group serves.
    type: list
    elements: str
    default: []
  require_groups:
    description: Groups that must have hosts.
    type: list
    elements: str
    default: []
  placement:
    description:
      - What each PostgreSQL server holds, a list of mappings with C(name), C(open) and C(home), by the server's
        inventory name. C(home) has the C(number) and the C(group) that M(gantry.odoo.odoo_database) records.
    type: dict
    default: {}
  outline:
    description:
      - Whether RV(estate) has only what says where the estate runs, and not where tenants live. The keys are C(hosts),
        C(servers), C(groups) with C(kind), C(hosts), C(database_server) and C(database_host), C(group_of), C(leads),
        C(logins), C(paths), C(edges) and C(sequence), the number of the last entry of the ledger before anything was
        read, V(-1) without O(store), and C(clock), the seconds that the clock of O(store) is ahead of the controller's.
        Everything is verified all the same.
    type: bool
    default: false
  locate:
    description:
      - Whether O(placement) is what role P(gantry.odoo.postgresql#role) published of each server in this run. A server
        that was not asked, or did not answer, is unknown.
    type: bool
    default: false
  allow_unknown:
    description: Whether a tenant may be placed although a server that may hold it is unknown.
    type: bool
    default: false
  refuse_contradictions:
    description:
      - Whether a tenant whose copies contradict each other is refused also with O(allow_unknown). Otherwise it stays
        where the store has it then.
    type: bool
    default: false
  present:
    description:
      - The hosts of the play. Where given, every host of the estate has to be among them, so that no limit hides one.
    type: list
    elements: str
  store:
    description:
      - The change store, as M(gantry.odoo.change_open) takes it. The estate record in it says which port each
        instance has, where each tenant lives, and which hosts belonged to the estate at the last run of
        C(gantry.odoo.site).
      - Without it nothing is known to be recorded, and only the declaration counts.
    type: dict
  last_seen:
    description:
      - Whether the estate record that this run of C(ansible-playbook) has read last is taken, with a warning, where
        O(store) does not answer. For what restores service, which does not wait for the store.
    type: bool
    default: false
  released:
    description: Hosts of the estate record that left for good. Any other that is missing is an error.
    type: list
    elements: str
    default: []
  drained:
    description: Hosts that get no new requests.
    type: list
    elements: str
    default: []
  keeping:
    description: Hosts of O(drained) that still get the requests of browsers which stay with them (C(sticky)).
    type: list
    elements: str
    default: []
  maintenance:
    description: Tenants whose routes answer that they are under maintenance.
    type: list
    elements: str
    default: []
  tenant:
    description: A tenant to look up.
    type: str
  tier:
    description: The tier whose tenants RV(estate.backups) names. All of them with V(0).
    type: int
    default: 0
  destination:
    description: The group that O(tenant) is to move to; it is an error where it cannot.
    type: str
  allow_new:
    description: Whether tenants may lack a database. It is an error otherwise.
    type: bool
    default: true
  allow_missing:
    description:
      - Whether a tenant may lack the database that is recorded of it. It is an error otherwise.
      - A tenant without a database is left out of RV(estate.backups), and its routes answer that it is under
        maintenance.
    type: bool
    default: false
  new_store:
    description:
      - Whether O(store) is meant to be new to the estate. It is an error otherwise that the store holds no record of an
        estate whose databases have the numbers of homes, since it may be another store than that of the estate.
    type: bool
    default: false
  released_groups:
    description:
      - Groups that ran Odoo and left for good, together with their hosts. Homes that are recorded there do not count.
    type: list
    elements: str
    default: []
  made_only:
    description:
      - Whether RV(estate.routes) leave out the tenants and the hosts that the estate record does not have as made, such
        as those of a run of C(gantry.odoo.site) that was interrupted.
    type: bool
    default: false
  rename:
    description:
      - Whether tenants that are declared with C(renamed_from) are resolved under their new names, by what then renames
        them. Otherwise each goes on as it is recorded under the former name, with the routes recorded there, until a
        database bears the new one.
    type: bool
    default: false
  empty:
    description:
      - Tenants that get an empty database on purpose although they were dropped when they were decommissioned. It is an
        error otherwise.
    type: list
    elements: str
    default: []
  number:
    description:
      - Number that homes get which have none yet, the C(fencing_number) of the change. None gets one where V(0).
    type: int
    default: 0
  assume:
    description: Homes to take for granted, group by tenant, where the database is not there yet.
    type: dict
    default: {}
  release_source:
    description:
      - Whether the variable C(odoo_release_source) of each host that runs Odoo has to be a directory of the controller,
        where it is set. The hosts whose C(odoo_release) it does not hold are returned as C(unsourced).
    type: bool
    default: false
  arrived:
    description: Tenants of O(assume) whose database is there.
    type: list
    elements: str
    default: []
  config_dir:
    description: Directory of the configuration of Odoo instances on their hosts.
    type: str
    default: /etc/odoo
  login:
    description: PostgreSQL role that the modules of this collection log in as.
    type: str
    default: gantry
  internal_zones:
    description:
      - Domains of the internal authority. Internal host names in them get a certificate of their own from it, whose
        name ends in C(-internal), unless O(tenants[].certificate.issuer) is set.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Resolve two tenants that share one group
  gantry.odoo.estate_info:
    tenants:
      - name: north
        tier: 2
        runtime: {group: app}
        routes:
          - {host: north.lab.example}
      - name: south
        runtime: {group: app}
        routes:
          - {host: south.lab.example}
  register: resolved
"""

RETURN = r"""
estate:
  description: The resolved estate.
  returned: success
  type: dict
  contains:
    tenants:
      description: Each tenant with its home, by name.
      type: dict
    groups:
      description:
        - Each group with its hosts, instances, databases and C(subjects), by name. The subjects are its tenants, as
          O(gantry.odoo.change_gate#module:tenants) takes them. C(serving) are its hosts that are made and not drained
          by their variable C(odoo_drained). C(renaming) are the instances of the group whose tenant gets its new name.
          C(canaries) are those of C(serving) with C(odoo_canary). C(sticky) says whether users stay with a host.
          C(pages) are what users of its tenants ask for first, as M(gantry.odoo.odoo_warm_up) takes them.
          C(elsewhere) are dedicated instances that are not to run there, each with its C(name), as their tenant lives
          on another group, is held, or is gone.
      type: dict
    hosts:
      description: The hosts of the estate.
      type: list
    servers:
      description: The PostgreSQL servers of the estate.
      type: list
    leads:
      description:
        - The group that a host acts for, by host. The first host of a group that is not drained acts for it, and a
          canary does where there is no other.
      type: dict
    group_of:
      description: The group that runs Odoo on a host, by host.
      type: dict
    edges:
      description: The hosts of the group C(edge) that gantry.odoo.site has taken on. A new one has no routes yet.
      type: list
    edge_addresses:
      description: The address, or the name, of each host of the group C(edge), as those alone connect to Odoo.
      type: dict
    routes:
      description: The routes, as M(gantry.odoo.traefik_route) takes them.
      type: list
    certificates:
      description: The certificates to hold, name and domains.
      type: list
    internal_names:
      description: >-
        The host names of internal routes, and those below a domain that is not public, such as C(.internal), which an
        ACME server is asked for. They are for a CA of your own alone.
      type: list
    roles:
      description: The PostgreSQL roles that each server needs, by server.
      type: dict
    paths:
      description: Paths on the hosts that run Odoo, C(config_dir) and C(database_ca).
      type: dict
    logins:
      description: The C(host), C(user) and C(ca_cert) with which modules reach PostgreSQL, by host that runs Odoo.
      type: dict
    policies:
      description: The policy of each tenant, as M(gantry.odoo.backup_policy) takes them.
      type: list
    backups:
      description: >-
        The databases to back up, all, that of O(tenant) or those of O(tier), by group, as role
        P(gantry.odoo.backup#role) takes them. C(expected) has the home number and the access that were seen. What a
        change has in hand, by O(store), is expected to be open. Without C(expected) where the home was not seen.
      type: dict
    known_backups:
      description: >-
        The number of the newest backup of each tenant that the ledger proves, by tenant, for
        O(gantry.odoo.odoo_restore#module:known_backups). Empty without O(store).
      type: dict
    new:
      description: The tenants that have no database on a server that was asked, and are not renamed.
      type: list
    not_backed_up:
      description: A sentence by tenant, for each that has no database that could be backed up.
      type: dict
    unmade:
      description: The hosts that no run of gantry.odoo.site has made yet, so that no user is sent there.
      type: list
    unsourced:
      description: With O(release_source), the hosts whose release the controller does not hold, so that they have to.
      type: list
    notes:
      description: >-
        A sentence for each tenant that lives elsewhere than declared, that an operator has blocked, or that is not
        declared any more.
      type: list
    tenant:
      description: >-
        The tenant asked for. C(serves) is false where all hosts of its home are declared with C(odoo_drained).
      type: dict
    leaving:
      description:
        - For a tenant asked for that is decommissioned, its C(step) that is due (C(hold), C(drop), C(clean), C(forget)
          or none), whether it is C(known), its C(phase), the id of its last C(backup), whether its database
          C(was_open), its dates, and its C(instance) as role P(gantry.odoo.odoo#role) takes it, null where nothing of
          it is left.
      type: dict
    destination:
      description: The group asked for.
      type: dict
record:
  description: What is to be recorded of the estate, as M(gantry.odoo.estate_record) takes it.
  returned: success, without O(outline)
  type: dict
"""
