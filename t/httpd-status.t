#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# mod_status's page has a line of ours: it counts what the process did, as a page and as text.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(wait_for);
use Test::More;

my $t = FHIR::Test->new(modules => ['status'], processes => 1, conf => <<'CONF');
FHIRConnections 3
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
CONF
$t->load({ resourceType => 'Patient', id => 'p' });

# The numbers of the line, by name.
sub figures {
    my ($query) = @_;
    my ($line) = $t->get("/server-status$query")->body =~ /^(?:<p>)?FHIR: (.*?)(?:<\/p>)?$/m;
    return { map { /^(\w+)=(.*)$/ } split / /, $line // '' };
}

my $before = figures('?auto');
like $before->{pid}, qr/^\d+$/, 'the process';
is $before->{connections_max}, 3, 'what FHIRConnections allows';
is "$before->{connections} $before->{away}", '0 0', 'no connection is in use, the database is there';
is $t->get('/dev/r4/Patient/p')->status, 200, 'a read' for 1 .. 3;
is $t->get('/dev/r4/Patient/none')->status, 404, 'a read of nothing is no failure';
my $behind = figures('?auto');
cmp_ok $behind->{statements}, '>=', $before->{statements} + 4, 'statements are counted';
# The lane connects by itself, and counts what it has done behind the answer.
ok wait_for(sub { $t->get('/dev/r4/Patient/p'); figures('?auto')->{lane_statements} }, 10),
    'those of the read lane, too';
is $behind->{errors}, 0, 'and none failed';
is_deeply [ sort keys %{ figures('') } ], [ sort keys %$before ], 'the page has the same';
$t->done;
