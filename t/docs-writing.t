#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The commands of docs/writing.md, as a shell runs them one after the other, are answered with the status
# that stands behind them.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file run source_dir work_dir write_file);
use Test::More;

my $t = FHIR::Test->new;
my $folder = work_dir();
my ($section) = read_file(source_dir() . '/docs/writing.md') =~ /^## A record from first to last\n(.*?)^## /ms;
my $script = join '', map { "$_\n" } $section =~ /^    (.*)$/mg;
my @expected = $script =~ /# (\d+)$/mg;
cmp_ok(scalar @expected, '>', 10, 'there are commands');

$script =~ s{http://127\.0\.0\.1:8080}{$t->url('')}ge;
$script =~ s{^P=.*}{P=\$(sed -n 's|^Location: .*/Patient/\\([^/]*\\)/.*|\\1|p' $folder/head)}m;
$script = "curl() { command curl -s -D $folder/head -o $folder/body -w '%{http_code}\\n' \"\$@\"; }\n$script";
my $done = run({}, 'sh', write_file("$folder/script", $script));
is($done->{err}, '', 'a shell runs them');
is($done->{out} =~ s/\n/ /gr, "@expected ", 'each is answered as the page says') or diag(read_file("$folder/body"));

$t->done;
