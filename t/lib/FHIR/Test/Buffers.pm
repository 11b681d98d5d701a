# SPDX-License-Identifier: Apache-2.0
# Generated searches across the practice, and what PostgreSQL reads for them: each search parameter that the server
# declares for a type with resources, alone as a page and as a count, and at random in pairs, with _sort, _include,
# _revinclude, _has and chains, with values of the data. The buffers (blocks of 8 KB) that all statements of a search
# touch have a bound, which follows from the rows that come out of them, and no large table is read from end to end,
# unless nearly all of it is counted or sorted.
# The same seed gives the same searches for the same data.
package FHIR::Test::Buffers;

use strict;
use warnings;
use FHIR::Test::Costly;

# What a statement may touch besides its rows; for each row of a page (a sweep reads 32 rows of a window for a match,
# and what an inclusion adds is looked up by an index); for each match that is counted, sorted or collected by _has.
my ($LEAST, $OF_A_ROW, $OF_A_MATCH) = (700, 50, 4);

# No index serves these, and docs/schema.md says so ("No index serves these searches"). They are not asked.
my $UNSERVED = qr/^(?:_id|_lastUpdated|_text|_content|_list|_has|_filter|_query|_type|near|version)$/;
sub is_unserved {
    my ($kind, $value) = @_;
    return 1 if $kind eq 'quantity' and $value =~ /^ne[^|]*$/;
    return 1 if $kind eq 'date' and $value =~ /^(?:ap|ne)/;
    return 1 if $kind eq 'number' and $value =~ /^ne/;
    return 1 if $kind eq 'string' and $value !~ /^[\w -]{3,60}$/;
    return 1 if $kind eq 'token' and $value =~ /\|$/;
    return 0;
}

# httpd: a FHIR::Test::Httpd whose endpoint has FHIRExplain On; base: the endpoint's path; sql: runs a query with the
# tenant's schema in its search_path; seed.
sub new {
    my ($class, %options) = @_;
    my $self = bless {%options}, $class;
    $self->{costly} = FHIR::Test::Costly->new(map { $_ => $options{$_} } qw(httpd base seed));
    my %large = map { $_ => 1 } split /\n/, $options{sql}->(
        q{SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 2000
            AND relnamespace = current_schema()::regnamespace});
    $self->{large} = join '|', sort keys %large;
    $self->{types} = [ grep { $large{ lc $_ } } @{ $self->{costly}{stored} } ];
    die "no type has a large table\n" unless @{ $self->{types} };
    return $self;
}

sub params {
    my ($self, $type) = @_;
    return grep { $_->{name} !~ $UNSERVED and $_->{type} =~ /^(?:token|reference|date|string|number|quantity|uri)$/ }
        $self->{costly}->params($type);
}

# "code=8867-4", or nothing when the values that came up have no index.
sub condition {
    my ($self, $param) = @_;
    for (1 .. 5) {
        my $value = $self->{costly}->value($param->{type}, '');
        return "$param->{name}=" . FHIR::Test::Costly::escape(FHIR::Test::Costly::word($value) =~ s/,/\\,/gr)
            unless is_unserved($param->{type}, $value);
    }
    return;
}

sub random {
    my ($self, $type) = @_;
    my $costly = $self->{costly};
    return $self->condition($costly->one($self->params($type)) // return);
}

# A search at random: { type, parts (conditions), more (other parameters), inner (of _has: a search that counts what it
# collects) }.
sub search {
    my ($self) = @_;
    my $costly = $self->{costly};
    my $type = $costly->one(@{ $self->{types} });
    my %search = (type => $type, parts => [ $self->random($type) // () ], more => []);
    my $kind = $costly->one(qw(pair sort include revinclude has chain));
    if ($kind eq 'pair') { push @{ $search{parts} }, $self->random($type) // () }
    elsif ($kind eq 'sort') {
        my ($sortable) = $costly->one(grep { $_->{type} =~ /^(?:date|token|string)$/ } $self->params($type));
        push @{ $search{more} }, '_sort=' . $costly->one('', '-') . $sortable->{name} if $sortable;
    }
    elsif ($kind =~ /include/) {
        my $list = $costly->{type}{$type}{ $kind eq 'include' ? 'searchInclude' : 'searchRevInclude' } || [];
        push @{ $search{more} }, "_$kind=" . FHIR::Test::Costly::escape($costly->one(@$list)) if @$list;
    }
    elsif ($kind eq 'has') {
        my $of = $costly->one(@{ $self->{types} });
        my $link = $costly->one(grep { $_->{type} eq 'reference' } $self->params($of));
        my $inner = $self->random($of);
        return $self->search unless $link and defined $inner;
        $search{inner} = "$of?$inner";
        push @{ $search{parts} }, "_has:$of:$link->{name}:$inner";
    }
    else {
        my $link = $costly->one(grep { $_->{type} eq 'reference' } $self->params($type));
        my $target = $costly->one(@{ $costly->{stored} });
        my $inner = $self->random($target);
        return $self->search unless $link and defined $inner;
        push @{ $search{parts} }, "$link->{name}:$target.$inner";
    }
    return @{ $search{parts} } ? \%search : $self->search;
}

# Each parameter alone, and then that many at random.
sub searches {
    my ($self, $random) = @_;
    my @all;
    for my $type (@{ $self->{types} }) {
        for my $param ($self->params($type)) {
            my $condition = $self->condition($param) // next;
            push @all, map { { type => $type, parts => [$condition], more => [ $_ // () ] } } undef, '_summary=count';
        }
    }
    return (@all, map { $self->search } 1 .. $random);
}

sub path {
    my ($self, $search) = @_;
    return "$search->{type}?" . join '&', @{ $search->{parts} }, @{ $search->{more} };
}

# The matches of a search, or undef if it is refused.
sub count {
    my ($self, $path) = @_;
    return $self->{httpd}->get("$self->{base}/$path&_summary=count")->json->{total};
}

# 1 if a search finds a tenth of its table or more: _has collects them all.
sub is_common {
    my ($self, $inner) = @_;
    my ($type) = split /\?/, $inner;
    return 10 * ($self->count($inner) // 0) >= $self->count($type . '?');
}

# What is wrong with a search, as text, or nothing. What FHIRCostMax refuses is in order.
sub fault {
    my ($self, $search) = @_;
    my $path = $self->path($search) . '&_count=20';
    my $of = sub { $self->{httpd}->get("$self->{base}/$path" . ($_[0] // '')) };
    my $r = $of->();
    return if $r->status == 400 and $r->body =~ /would read too much|refers to|is not a reference|is not a valid value/;
    return "$path: " . $r->status . ' ' . substr $r->body, 0, 200 if $r->status != 200;
    my ($buffers, $rows, $read) = (0, 0, '');
    for (map { $_->{diagnostics} // '' } @{ $of->('&_explain=true')->json->{issue} }) {
        my ($plan) = /^(\w[^\n]*\(cost=.*)/ms or next;
        $buffers += ($1 // 0) + ($2 // 0) if $plan =~ /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/;
        $rows += $1 if $plan =~ /actual time=[^)]* rows=(\d+)/;
        $read = "reads $1 from end to end, "
            if $plan =~ /Seq Scan on "?($self->{large})\b/ and $path !~ /_(?:summary=count|sort)/;
    }
    die "$path: no statement is explained\n" unless $buffers;
    $read = '' if $read and $search->{inner} and $self->is_common($search->{inner});
    my $bound = $LEAST + $OF_A_ROW * $rows;
    # matches are counted only if it matters
    if ($buffers > $bound and grep { /^_(?:sort|summary)/ } @{ $search->{more} }) {
        my ($fewest) = sort { $a <=> $b } map { $self->count("$search->{type}?$_") // () } @{ $search->{parts} };
        $bound += $OF_A_MATCH * ($fewest // 0);
    }
    $bound += $OF_A_MATCH * ($self->count($search->{inner}) // 0) if $buffers > $bound and $search->{inner};
    return if !$read and $buffers <= $bound;
    return "$path: $read$buffers buffers for $rows rows, $bound are the most";
}

1;
