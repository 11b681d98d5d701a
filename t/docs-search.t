#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The examples of docs/search.md, as a shell runs them, find something in the sample data.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new;
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 12);
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
my $text = read_file(source_dir() . '/docs/search.md');

my @commands = $text =~ /^    (curl .*)$/mg;
cmp_ok scalar @commands, '>', 15, 'there are examples';
for (@commands) {
    my $command = s{http://127\.0\.0\.1:8080}{$t->url('')}er =~ s/^curl/curl -s/r;
    my $json = eval { JSON::PP->new->utf8->decode(run({}, 'sh', '-c', $command)->{out}) } || {};
    my $found = $json->{total} || @{ $json->{entry} || $json->{parameter} || $json->{expansion}{contains} || [] };
    ok($found, $_) or diag(JSON::PP->new->encode($json));
}

# Those at the top are forms with made-up ids: they are understood.
my @forms = $text =~ m{^    GET \[base\]/(\S+)$}mg;
cmp_ok scalar @forms, '>', 4, 'there are forms';
for (@forms) { s/&_explain=true//; is $t->get("/dev/r4/$_")->status, 200, $_ }

$t->done;
