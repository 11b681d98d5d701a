# SPDX-License-Identifier: Apache-2.0
# Searches: each that US Core demands, and those that are hard, beside the bare handler with the same
# SQL; and what more data does to those of one patient.
package Search;

use strict;
use warnings;
use Bench;
use FHIR::Test::Searches qw(@ONE_PATIENT @OTHERS @HARD);
use Time::HiRes qw(time);

# ---- requests ----

sub patients { return FHIR::Test::Searches::patients(\&sql, @_) }

sub lists {
    my @p = patients(100, 60);
    die "no patient has 60 Observations: more patients are needed\n" unless @p;
    return FHIR::Test::Searches::lists(\&sql, @p);
}

sub requests {
    my ($template, $lists) = @_;
    return map { "/dev/r4/$_&_count=50" } FHIR::Test::Searches::requests($template, $lists, 60);
}

# The page so many pages further on, where there are so many.
sub deep {
    my ($pages, @paths) = @_;
    my @deep;
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $n = $pages;
        while ($path and $n--) {
            my ($next) = grep { $_->{relation} eq 'next' } @{ $httpd->get($path)->json->{link} || [] };
            $path = $next && $next->{url} =~ s{^http://[^/]*}{}r;
        }
        push @deep, $path if $path;
    }
    return @deep;
}

# ---- beside the bare handler ----

sub prepared {
    my ($name, $template, $lists) = @_;
    my $includes = $template =~ s/ \+$//;
    my $pages = $template =~ s/ @(\d+)$// ? $1 : 0;
    my @paths = requests($template, $lists);
    @paths = deep($pages, @paths) if $pages and @paths;
    return printf "%-66s no data\n", $name unless @paths;
    my ($matches, @seconds) = (0);
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $start = time;
        my $r = $httpd->get($path);
        push @seconds, time - $start;
        return refused($name, $r) if $r->status != 200;
        $matches += () = $r->body =~ /"mode":"match"/g;
        last if $seconds[-1] > 5;
    }
    my $slow = median(@seconds) > 0.3;
    @paths = @paths[0 .. ($#paths < 2 ? $#paths : 2)] if $slow;
    my @bare;
    eval { @bare = capture('page', @paths) unless $includes; 1 } or return print "$name: $@";
    return { name => $name, slow => $slow, rows => $matches / @seconds, paths => \@paths, @bare ? (bare => \@bare) : () };
}

# What costs too much without an index (FHIRCostMax), or takes too long.
sub refused {
    my ($name, $r) = @_;
    my ($text) = $r->body =~ /"diagnostics":"((?:[^"\\]|\\.)*)/;
    printf "%-66s %d %.100s …\n", $name, $r->status, $text // '';
    return;
}

# Too slow for wrk: one after the other.
sub one_by_one {
    my ($search) = @_;
    my %runs;
    for my $round (0 .. 2) {
        for my $who (qw(bare paths)) {
            my $path = $search->{$who} && $search->{$who}[ $round % @{ $search->{$who} } ] or next;
            my $start = time;
            $httpd->get($path);
            my $ms = (time - $start) * 1000;
            push @{ $runs{ $who eq 'bare' ? 'bare' : 'fhir' } }, { p50 => $ms, rate => 1000 / $ms };
        }
    }
    $runs{rate} = [ map { $runs{fhir}[$_]{rate} / $runs{bare}[$_]{rate} } 0 .. $#{ $runs{bare} } ] if $runs{bare};
    return \%runs;
}

sub report {
    my ($search) = @_;
    my $fhir = paths('fhir', @{ $search->{paths} });
    my $runs = $search->{slow} ? one_by_one($search)
        : $search->{bare} ? measure(paths('bare', @{ $search->{bare} }), $fhir, connections => 4)
        : { fhir => [ map { wrk($fhir, connections => 4) } 0 .. $option{rounds} ] };
    printf "%-66s %5.1f rows %8.2f ms", @$search{qw(name rows)}, median(map { $_->{p50} } @{ $runs->{fhir} });
    printf "  rate %s", spread(@{ $runs->{rate} }) if $runs->{rate};
    printf "  CPU %s", spread(@{ $runs->{cpu} }) if $runs->{cpu};
    print "\n";
    return;
}

sub bench {
    my $lists = lists();
    my @all = grep { ref } map { prepared(@$_, $lists) } (map { [ $_, $_ ] } @ONE_PATIENT, @OTHERS),
        map { [ "$_->[0]: " . $_->[1] =~ s/ [@+]\d*$//r, $_->[1] ] } @HARD;
    know_statements();
    print "search: matches a page (at most 50), median time of mod_fhir on 4 connections; ratios to the bare handler\n";
    for (@all) { eval { report($_); 1 } or print "$_->{name}: $@" }
    return;
}

# ---- more data ----

my ($lists, @curve);

# What is measured at each size: the same patients each time (hot), and any of those there are.
sub curve {
    my ($patients) = @_;
    my %here = (patients => $patients);
    $lists ||= lists();
    my %any = %$lists;
    $any{p} = [ patients(1000, 60) ];
    for my $set ([ same => $lists ], [ any => \%any ]) {
        my ($name, $values) = @$set;
        for my $template (@ONE_PATIENT) {
            my @paths = all_requests($template, $values) or next;
            my $file = paths("curve_$name", @paths);
            my @runs;
            eval {
                wrk($file, connections => 2) if $name eq 'same';    # warm
                push @runs, wrk($file, connections => 2) for 1 .. ($option{rounds} < 3 ? $option{rounds} : 3);
                1;
            } or print "$template: $@";
            next unless @runs;
            $here{"$name $template"} = { p50 => median(map { $_->{p50} } @runs),
                cpu => median(map { $_->{httpd} + $_->{pg} } @runs) };
        }
    }
    $here{yardstick} = yardstick();
    push @curve, \%here;
    return;
}

sub all_requests {
    my ($template, $lists) = @_;
    return map { requests($template, { %$lists, p => [ $_ ] }) } @{ $lists->{p} } if $template !~ /<(?!p>)/;
    return requests($template, $lists);
}

# The machine's speed drifts: what has nothing to do with the data is measured, too.
sub yardstick {
    my $file = paths('yardstick', '/dev/r4/metadata');
    my @runs = map { wrk($file, connections => 2) } 1 .. 3;
    return { p50 => median(map { $_->{p50} } @runs), cpu => median(map { $_->{httpd} + $_->{pg} } @runs) };
}

sub report_curve {
    print "curve: median ms and CPU us a request on 2 connections, by patients in the database; growth from the first\n";
    for my $name ('yardstick', map { my $set = $_; map { "$set $_" } @ONE_PATIENT } qw(same any)) {
        my @found = map { $_->{$name} } @curve;
        next if grep { !$_ } @found;
        printf "%-70s%s  x%.2f CPU x%.2f\n", $name, join('', map { sprintf ' %6.2f ms %5.0f us', @$_{qw(p50 cpu)} } @found),
            map { $found[-1]{$_} / $found[0]{$_} } qw(p50 cpu);
    }
    for my $set (qw(same any)) {
        for my $figure (qw(p50 cpu)) {
            my @growth = map { my $name = "$set $_"; $curve[0]{$name} && $curve[-1]{$name}
                ? $curve[-1]{$name}{$figure} / $curve[0]{$name}{$figure} : () } @ONE_PATIENT;
            printf "%s patients, %s: growth x%s from %d to %d patients\n", $set, $figure eq 'cpu' ? 'CPU' : 'time',
                spread(@growth), map { $_->{patients} } @curve[0, -1];
        }
    }
    return;
}

1;
