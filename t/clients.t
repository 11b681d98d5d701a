#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Ordinary client libraries work unmodified on a developer endpoint as the examples configure it
# (t/node/clients.js).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Node qw(node);
use Test::More;

my $t = FHIR::Test->new(conf => "FHIRRequireIfMatch Version\nFHIRUpdateCreate On\n");
my $done = node('clients.js', $t->url('/dev/r4'));
is($done->{status}, 0, 'all clients are content');
diag($done->{out}, $done->{err}) if $done->{status};
cmp_ok(scalar(() = $done->{out} =~ /^ok /mg), '==', 21, 'each with all that it does');

$t->done;
