# SPDX-License-Identifier: Apache-2.0
# What the set of indexes "practice" costs beside "patient": loading an empty database, its size, creates.
# And $everything: a page of 50, and a whole patient beside search pages.
package Sets;

use strict;
use warnings;
use Bench;
use FHIR::Test::System qw(built run_ok);

my @SETS = qw(patient practice);

sub ratios {
    my ($what, $runs, @keys) = @_;
    for my $key (@keys) {
        printf "%-16s %-8s %s; practice %.4g\n", $what, $key,
            spread(map { $runs->{practice}[$_]{$key} / $runs->{patient}[$_]{$key} } 0 .. $#{ $runs->{patient} }),
            median(map { $_->{$key} } @{ $runs->{practice} });
    }
    return;
}

# Each set in turn: the schema is made anew, and the file loaded.
sub load {
    my ($file) = @_;
    my %runs;
    for (1 .. $option{rounds}) {
        for my $set (@SETS) {
            sql('DROP SCHEMA IF EXISTS bench CASCADE');
            run_ok({ env => env() }, built('fhirctl'), 'init', '--tenant', 'bench', '--indexes', $set);
            sql('CHECKPOINT');
            my $done = seconds([ {}, built('fhirctl'), 'load', '--quiet', '--tenant', 'bench', $file ]);
            sql('VACUUM');
            my $bytes = sql("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND "
                    . "relnamespace = 'bench'::regnamespace");
            push @{ $runs{$set} }, { rate => 1 / $done->{clock}, cpu => $done->{cpu}, bytes => $bytes };
        }
    }
    print "sets: practice to patient, loading an empty database: at least 0.85 of the rate, at most 1.2 of the bytes\n";
    ratios('load', \%runs, qw(rate cpu bytes));
    return;
}

# Creates in the loaded database, with the indexes of each set in turn; those of "practice" stay.
sub creates {
    my ($body) = @_;
    my %runs;
    for (1 .. $option{rounds}) {
        for my $set (@SETS) {
            run_ok({ env => env() }, built('fhirctl'), 'index', 'apply', $set);
            sql('CHECKPOINT');
            my $run = wrk('/dev/r4/Observation', body => $body, connections => 8);
            push @{ $runs{$set} }, { %$run, cpu => $run->{httpd} + $run->{pg} };
        }
    }
    print "sets: practice to patient, creates of an Observation on 8 connections: at least 0.9 of the rate\n";
    ratios('create', \%runs, qw(rate cpu p99));
    return;
}

# ---- $everything ----

# The URLs of the pages, from the first to the last of at most so many; and their bytes.
sub walk {
    my ($path, $most) = @_;
    my ($bytes, @paths) = (0);
    while ($path and @paths < $most) {
        my $page = $httpd->get($path);
        die "$path: " . $page->status . ' ' . substr($page->body, 0, 300) . "\n" if $page->status != 200;
        push @paths, $path;
        $bytes += length $page->body;
        my ($next) = grep { $_->{relation} eq 'next' } @{ $page->json->{link} || [] };
        $path = $next && $next->{url} =~ s{^http://[^/]*}{}r;
    }
    return ($bytes, @paths);
}

# CPU ms of httpd and PostgreSQL for each MB of the pages.
sub cost {
    my ($bytes, @paths) = @_;
    my $before = cpu($httpd->{pid}) + cpu(postmaster());
    for (1 .. 5) { $httpd->get($_) for @paths }
    return (cpu($httpd->{pid}) + cpu(postmaster()) - $before) * 1e9 / (5 * $bytes);
}

sub everything {
    my @patients = split /\n/,
        sql('SELECT patient FROM observation WHERE patient IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 10');
    my @pages;
    for my $id (@patients) {
        my (undef, @paths) = walk("/dev/r4/Patient/$id/\$everything?_count=50", 10);
        push @pages, @paths;
    }
    my @runs = map { wrk(paths('everything', @pages), connections => 4) } 1 .. $option{rounds};
    printf "\$everything: a page of 50: %.2f CPU ms, p50 %.1f, p99 %.1f ms (at most 2 CPU ms)\n",
        median(map { ($_->{httpd} + $_->{pg}) / 1000 } @runs), map { my $p = $_; median(map { $_->{$p} } @runs) }
        qw(p50 p99);
    my @whole = walk("/dev/r4/Patient/$patients[0]/\$everything?_count=1000", 100);
    my @search = walk("/dev/r4/Observation?patient=$patients[0]&_count=1000", 1);
    my @ratios = map { cost(@whole) / (cost(@search) || 1) } 1 .. $option{rounds};
    printf "\$everything: a whole patient of %.1f MB in %d pages beside a search page of %.1f MB, CPU of the same "
        . "bytes: %s (at most 1.5)\n", $whole[0] / 1e6, $#whole, $search[0] / 1e6, spread(@ratios);
    return;
}

1;
